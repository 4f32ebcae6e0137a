// The ground: water, roads and fences. It is drawn when the view changes, and not with each frame.

const widths = { street: 9, avenue: 15, ring: 19 }; // in metres

/** Colours are the variables of the style sheet, as they are now. */
export function colours() {
  const style = getComputedStyle(document.documentElement), all = {};
  for (const name of ["land", "water", "street", "avenue", "ring", "kerb", "fence", "label", "moving", "standing", "speeding", "silent", "halo", "accent", "ink"]) {
    all[name] = style.getPropertyValue(`--${name}`).trim();
  }
  return all;
}

/** Draws the city as the view shows it. */
export function drawGround(canvas, city, view, colour) {
  canvas.width = Math.round(view.width * view.ratio);
  canvas.height = Math.round(view.height * view.ratio);
  const c = canvas.getContext("2d", { alpha: false });
  c.fillStyle = colour.land;
  c.fillRect(0, 0, canvas.width, canvas.height);
  view.apply(c);
  c.fillStyle = colour.water;
  trace(c, city.water);
  c.fill();
  drawRoads(c, city, view, colour);
  for (const zone of city.zones) {
    trace(c, zone.outline);
    c.fillStyle = colour.fence;
    c.globalAlpha = 0.13;
    c.fill();
    c.globalAlpha = 0.55;
    c.strokeStyle = colour.fence;
    c.lineWidth = 1.2 / view.scale;
    c.stroke();
    c.globalAlpha = 1;
  }
}

/** Writes the fences' names, above all that moves. */
export function drawLabels(c, city, view, colour) {
  c.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  for (const zone of city.zones) drawLabel(c, zone, view, colour);
}

function drawRoads(c, city, view, colour) {
  c.lineCap = c.lineJoin = "round";
  for (const kerb of [true, false]) {
    for (const kind of ["street", "avenue", "ring"]) {
      c.beginPath();
      for (const { class: name, line: [a, b] } of city.roads) {
        if (name !== kind) continue;
        c.moveTo(...a);
        c.lineTo(...b);
      }
      const least = { street: 1.1, avenue: 2, ring: 2.6 }[kind] / view.scale;
      c.lineWidth = Math.max(widths[kind], least) + (kerb ? 1.5 / view.scale : 0);
      c.strokeStyle = kerb ? colour.kerb : colour[kind];
      c.stroke();
    }
  }
}

function drawLabel(c, zone, view, colour) {
  let x = 0, y = 0;
  for (const p of zone.outline) { x += p[0] / zone.outline.length; y += p[1] / zone.outline.length; }
  const px = view.width / 2 + (x - view.x) * view.scale, py = view.height / 2 + (y - view.y) * view.scale;
  const text = zone.limit && view.scale > 0.07 ? `${zone.name} · ${zone.limit}` : zone.name;
  c.font = "600 11.5px ui-sans-serif, system-ui, sans-serif";
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.lineWidth = 3;
  c.lineJoin = "round";
  c.strokeStyle = colour.halo;
  c.strokeText(text, px, py);
  c.fillStyle = colour.label;
  c.fillText(text, px, py);
}

function trace(c, outline) {
  c.beginPath();
  for (const p of outline) c.lineTo(...p);
  c.closePath();
}

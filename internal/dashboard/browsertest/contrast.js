// The texts of the page whose contrast with what is behind them is too low (WCAG 2.2, 1.4.3), and inputs whose edge is
// hard to see (1.4.11).
(() => {
  // A colour that is on its way to another one is neither.
  for (const a of document.getAnimations()) if (a instanceof CSSTransition) a.finish();
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((c, n) => c * a + below[n] * (1 - a));
  const ground = (node) => {
    const layers = [];
    for (let n = node; n; n = n.parentElement) layers.push(rgba(getComputedStyle(n).backgroundColor));
    let color = rgba(getComputedStyle(document.documentElement).colorScheme.includes("dark") && matchMedia("(prefers-color-scheme: dark)").matches ? "#121212" : "#fff").slice(0, 3);
    for (const layer of layers.reverse()) color = over(layer, color);
    return color;
  };
  const light = (c) => c.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const found = [];
  for (const node of document.body.querySelectorAll("*")) {
    if (!node.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || node.closest(":disabled, svg")) continue;
    const style = getComputedStyle(node), behind = ground(node);
    const text = [...node.childNodes].filter((c) => c.nodeType === 3).map((c) => c.data.trim()).join("") || node.value || "";
    if (text) {
      const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
      const got = ratio(over(rgba(style.color), behind), behind);
      if (got < (large ? 3 : 4.5)) found.push(`${got.toFixed(2)}: ${node.tagName} ${node.className} "${String(text).slice(0, 40)}"`);
    }
    if (node.matches("input:not([type=checkbox]), select, textarea")) {
      const got = ratio(over(rgba(style.borderTopColor), ground(node.parentElement)), ground(node.parentElement));
      if (got < 3) found.push(`${got.toFixed(2)}: the edge of ${node.tagName} ${node.name || node.ariaLabel}`);
    }
  }
  return found;
})()

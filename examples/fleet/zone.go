package main

// A place is a point of the city: metres to the east and to the south of its
// north-western corner. In JSON it is a list of two.
type place [2]float64

// A zone is a named part of the city, fenced by a polygon.
type zone struct {
	Name string `json:"name"`
	// Limit is the speed in km/h that is allowed here, 0 where it is that of
	// the road.
	Limit   float64 `json:"limit,omitempty"`
	Outline []place `json:"outline"`
}

// zones are the geofences, in the order in which alerts name them.
func zones() []zone {
	return []zone{
		{Name: "Airport", Limit: 40, Outline: []place{{350, 300}, {2050, 250}, {2150, 900}, {1500, 1150}, {400, 1000}}},
		{Name: "Depot", Limit: 20, Outline: []place{{700, 2700}, {1350, 2650}, {1400, 3250}, {750, 3300}}},
		{Name: "Harbour", Limit: 30, Outline: []place{{4750, 5050}, {5500, 4800}, {6150, 4450}, {6700, 4000}, {6950, 4350}, {6350, 5050}, {5600, 5400}, {5250, 5850}, {4800, 5700}}},
		{Name: "Hospital", Outline: []place{{5100, 1250}, {5650, 1200}, {5700, 1650}, {5400, 1850}, {5080, 1650}}},
		{Name: "Market", Limit: 20, Outline: []place{{3750, 2700}, {4250, 2700}, {4350, 3000}, {4200, 3300}, {3800, 3300}, {3650, 3000}}},
		{Name: "School", Limit: 30, Outline: []place{{2300, 3750}, {2900, 3700}, {2950, 4200}, {2350, 4250}}},
		{Name: "Stadium", Outline: []place{{6350, 1950}, {6700, 1800}, {7050, 1950}, {7150, 2300}, {6900, 2600}, {6500, 2600}, {6250, 2300}}},
		{Name: "Works", Outline: []place{{950, 4650}, {2000, 4800}, {2100, 5500}, {1100, 5600}}},
	}
}

// contains says whether a place is within the fence: whether a line from it to
// the east crosses the fence an odd number of times.
func contains(outline []place, p place) bool {
	inside := false
	for i, a := range outline {
		b := outline[(i+1)%len(outline)]
		if (a[1] > p[1]) != (b[1] > p[1]) && p[0] < a[0]+(p[1]-a[1])/(b[1]-a[1])*(b[0]-a[0]) {
			inside = !inside
		}
	}
	return inside
}

// zonesAt returns the names of the zones that a place is in, nil for none.
func (c *city) zonesAt(p place) (names []string) {
	for _, z := range c.Zones {
		if contains(z.Outline, p) {
			names = append(names, z.Name)
		}
	}
	return names
}

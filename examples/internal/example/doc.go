// Package example is what the example systems share: their main function, which
// runs service A, service B with the example's handlers and an embedded broker
// in one process or service B alone; a client of both services; and the light
// that says whether the example's own checker has found something wrong.
//
// It uses the public packages of Sluice only, as a program of somebody else's
// would, and the services only over HTTP.
package example

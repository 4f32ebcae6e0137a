// Package live gives out streams over HTTP: Server-Sent Events, WebSocket and
// pages of records.
package live

//go:build unix

// Package harm is what a checker needs that disturbs the service on purpose and
// looks at what becomes of it: the broker that is killed, frozen and revived,
// child processes that are started, signalled and waited for, a clock that all
// of them share, and a description of the machine that the results are of.
//
// It knows nothing of what is checked: faults, plans and judges are those of the
// programs that use it. It is for Unix systems: only there can a process be
// frozen.
package harm

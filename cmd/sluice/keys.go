package main

import (
	"fmt"
	"time"

	"sluice/internal/access"
)

type keysCommand struct {
	New keysNew `cmd:"" help:"Make an API key for a principal, and print it once."`
}

type keysNew struct {
	Name string `arg:"" help:"Name of the principal whose key it is."`
	File string `placeholder:"FILE" help:"Keys file (auth.keys_file) to add the key's hash to; made where it is missing."`
}

// Run prints the key, alone, to standard output, so that a script can take it.
func (c *keysNew) Run(std streams) error {
	key, line, err := access.NewKey(c.Name, time.Now())
	if err != nil {
		return settingsError{err}
	}
	note := "Add this line to the keys file (auth.keys_file):\n\n" + line + "\n\nThe key, which is shown this once:\n\n"
	if c.File != "" {
		if err := access.AppendKey(c.File, line); err != nil {
			return fmt.Errorf("--file: %w", err)
		}
		note = "Its hash was added to " + c.File + ". The key, which is shown this once:\n\n"
	}
	if _, err := fmt.Fprint(std.err, note); err != nil {
		return err
	}
	_, err = fmt.Fprintln(std.out, key)
	return err
}

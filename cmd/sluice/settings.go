package main

import (
	"fmt"
	"strings"

	"sluice/internal/config"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

type settingsCommand struct {
	Check settingsCheck `cmd:"" help:"Check the settings, and say what is wrong with them."`
	Print settingsPrint `cmd:"" help:"Print the settings in force, as a settings file."`
	Docs  settingsDocs  `cmd:"" help:"Print every setting with its flag, variable and default, as Markdown."`
}

type settingsCheck struct {
	Config config.Config `embed:""`
}

// Run checks the settings.
func (c *settingsCheck) Run(std streams) error {
	if err := c.Config.Validate(); err != nil {
		return settingsError{err}
	}
	_, err := fmt.Fprintln(std.out, "The settings are valid.")
	return err
}

type settingsPrint struct {
	Config config.Config `embed:""`
}

// Run prints the settings. They hold no secret: passwords are in files.
func (c *settingsPrint) Run(std streams) error {
	text, err := yaml.Marshal(c.Config)
	if err != nil {
		return err
	}
	_, err = std.out.Write(text)
	return err
}

type settingsDocs struct {
	Config config.Config `embed:""`
}

// Run prints a table of the settings.
func (c *settingsDocs) Run(std streams, kctx *kong.Context) error {
	var b strings.Builder
	b.WriteString("| flag | environment | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, flag := range kctx.Selected().Flags {
		if flag.Hidden {
			continue
		}
		value := ""
		if flag.HasDefault {
			value = "`" + flag.Default + "`"
		}
		_, _ = fmt.Fprintf(&b, "| `--%s` | `%s` | %s | %s |\n", flag.Name, strings.Join(flag.Envs, "`, `"), value, flag.Help)
	}
	_, err := fmt.Fprint(std.out, b.String())
	return err
}

package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// DefaultFile is read from the working directory where no file is named.
const DefaultFile = "sluice.yaml"

// File holds the settings of a YAML file for the command line to fall back on.
// It is a kong.Resolver.
type File struct{ values map[string]string }

// ReadFile reads the file. An unknown key or a value of the wrong kind is an
// error that shows the line. With an empty name DefaultFile is read where it
// exists.
func ReadFile(name string) (*File, error) {
	optional := name == ""
	if optional {
		name = DefaultFile
	}
	text, err := os.ReadFile(name) //nolint:gosec // G304: whoever starts the program says which file it reads.
	if optional && errors.Is(err, fs.ErrNotExist) {
		return &File{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	f, err := parseFile(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

func parseFile(text []byte) (*File, error) {
	// Once strictly into the shape, so that what is wrong is said with its
	// line, and once as it is written, since an absent key differs from an
	// empty one.
	shape := Default()
	if err := yaml.UnmarshalWithOptions(text, &shape, yaml.Strict()); err != nil {
		return nil, errors.New(strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	var written map[string]any
	if err := yaml.Unmarshal(text, &written); err != nil {
		return nil, errors.New(strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	f := &File{values: map[string]string{}}
	return f, f.flatten("", written)
}

// flatten turns the tree into flags: the path joined by "-".
func (f *File) flatten(prefix string, tree map[string]any) error {
	for key, value := range tree {
		name := prefix + strings.ReplaceAll(key, "_", "-")
		switch v := value.(type) {
		case nil: // A block of which every line is commented out.
		case map[string]any:
			if err := f.flatten(name+"-", v); err != nil {
				return err
			}
		case []any:
			text, err := list(v)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			f.values[name] = text
		default:
			f.values[name] = fmt.Sprint(v)
		}
	}
	return nil
}

// list writes a list as a flag takes it: words with commas between them, or
// YAML (of which JSON is a part) where the members are not words.
func list(members []any) (string, error) {
	words := make([]string, len(members))
	for i, m := range members {
		if _, nested := m.(map[string]any); nested {
			text, err := json.Marshal(members)
			return string(text), err
		}
		words[i] = strings.ReplaceAll(fmt.Sprint(m), ",", `\,`)
	}
	return strings.Join(words, ","), nil
}

// Validate is part of kong.Resolver; the file was checked when it was read.
func (f *File) Validate(*kong.Application) error { return nil }

// Resolve gives a flag that was not set on the command line its value from
// the file, unless the environment has one.
func (f *File) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	if value, ok := f.values[flag.Name]; ok {
		return value, nil
	}
	return nil, nil
}

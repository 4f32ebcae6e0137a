// Package deploy_test checks that what is deployed beside the program speaks
// of metrics that the program has: a dashboard or an alert with a wrong name
// is empty and silent for ever.
package deploy_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	dashboards = "grafana/*.json"
	alerts     = "prometheus/sluice-alerts.yml"
	scraping   = "prometheus/prometheus.yml"
)

// ours is a metric of Sluice as it stands in the program; every one is written
// out as a constant.
var ours = regexp.MustCompile(`^sluice_[a-z0-9_]+$`)

// known returns the names of all metrics: ours from the sources, because most
// collectors are private to their packages and a metric with labels is not in
// /metrics until it was counted once; the others from the registry itself.
func known(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{"up": true} // Prometheus's own.
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != ".." && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && ours.MatchString(text) {
					names[text] = true
				}
			}
			return true
		})
		return nil
	}))
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		telemetry.NewRegistry().Describe(descs)
	}()
	name := regexp.MustCompile(`fqName: "([^"]+)"`)
	for d := range descs {
		names[name.FindStringSubmatch(d.String())[1]] = true
	}
	return names
}

var (
	// matchers are the parts of an expression that may hold any word: label
	// matchers, ranges, strings and lists of labels.
	matchers = regexp.MustCompile(`\{[^}]*\}|\[[^\]]*\]|"[^"]*"|\b(by|without|on|ignoring)\s*\([^)]*\)`)
	word     = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	suffix   = regexp.MustCompile(`_(bucket|sum|count)$`)
	// operators are the words that are neither a metric nor, before a
	// parenthesis, a function.
	operators = []string{"and", "or", "unless", "bool", "offset"}
)

// requireKnown checks the metrics of an expression.
func requireKnown(t *testing.T, names map[string]bool, where, expr string) {
	t.Helper()
	rest := matchers.ReplaceAllString(expr, " ")
	found := 0
	for _, at := range word.FindAllStringIndex(rest, -1) {
		w := rest[at[0]:at[1]]
		if strings.HasPrefix(strings.TrimSpace(rest[at[1]:]), "(") || slices.Contains(operators, w) {
			continue
		}
		found++
		require.True(t, names[w] || names[suffix.ReplaceAllString(w, "")], "%s: the program has no metric %s: %s", where, w, expr)
	}
	require.Positive(t, found, "%s: no metric in %s", where, expr)
}

type datasource struct {
	UID string `json:"uid"`
}

type dashboard struct {
	ID            *int `json:"id"`
	SchemaVersion int  `json:"schemaVersion"`
	Panels        []struct {
		ID         int         `json:"id"`
		Type       string      `json:"type"`
		Title      string      `json:"title"`
		Datasource *datasource `json:"datasource"`
		Targets    []struct {
			Datasource datasource `json:"datasource"`
			Expr       string     `json:"expr"`
		} `json:"targets"`
	} `json:"panels"`
	Templating struct {
		List []struct {
			Name       string `json:"name"`
			Type       string `json:"type"`
			Definition string `json:"definition"`
		} `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []struct {
			Expr string `json:"expr"`
		} `json:"list"`
	} `json:"annotations"`
}

func TestDashboards(t *testing.T) {
	names := known(t)
	files, err := filepath.Glob(dashboards)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var d dashboard
			require.NoError(t, json.Unmarshal(text, &d))
			require.Nil(t, d.ID, "an id belongs to one Grafana")
			require.GreaterOrEqual(t, d.SchemaVersion, 39)
			ids := map[int]bool{}
			for _, p := range d.Panels {
				require.False(t, ids[p.ID], "panel id %d", p.ID)
				ids[p.ID] = true
				if p.Type == "row" {
					continue
				}
				require.NotEmpty(t, p.Targets, p.Title)
				for _, target := range p.Targets {
					require.Equal(t, "${datasource}", target.Datasource.UID, p.Title)
					requireKnown(t, names, p.Title, target.Expr)
				}
			}
			require.Equal(t, "datasource", d.Templating.List[0].Type)
			for _, v := range d.Templating.List[1:] {
				metric, ok := strings.CutPrefix(v.Definition, "label_values(")
				require.True(t, ok, v.Name)
				metric, _, _ = strings.Cut(metric, "{")
				requireKnown(t, names, v.Name, metric)
			}
			for _, a := range d.Annotations.List {
				requireKnown(t, names, "annotation", a.Expr)
			}
		})
	}
}

type rules struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			For         string            `yaml:"for"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

// load reads a YAML file that may hold nothing that into does not know.
func load(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, yaml.UnmarshalWithOptions(text, into, yaml.Strict()))
}

func TestAlerts(t *testing.T) {
	names := known(t)
	var all rules
	load(t, alerts, &all)
	seen := map[string]bool{}
	for _, group := range all.Groups {
		require.NotEmpty(t, group.Rules, group.Name)
		for _, rule := range group.Rules {
			require.Regexp(t, "^Sluice[A-Za-z]+$", rule.Alert)
			require.False(t, seen[rule.Alert], rule.Alert)
			seen[rule.Alert] = true
			requireKnown(t, names, rule.Alert, rule.Expr)
			require.Regexp(t, `^[1-9][0-9]*[smh]$`, rule.For, rule.Alert)
			require.Contains(t, []string{"critical", "warning"}, rule.Labels["severity"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["description"], "%s does not say what to do", rule.Alert)
		}
	}
	require.NotEmpty(t, seen)
}

func TestTheScrapeExample(t *testing.T) {
	var config struct {
		Global    map[string]string `yaml:"global"`
		RuleFiles []string          `yaml:"rule_files"`
		Jobs      []struct {
			Name string `yaml:"job_name"`
			DNS  []struct {
				Names   []string `yaml:"names"`
				Type    string   `yaml:"type"`
				Port    int      `yaml:"port"`
				Refresh string   `yaml:"refresh_interval"`
			} `yaml:"dns_sd_configs"`
		} `yaml:"scrape_configs"`
	}
	load(t, scraping, &config)
	require.Equal(t, []string{filepath.Base(alerts)}, config.RuleFiles)
	require.Len(t, config.Jobs, 2)
	for _, job := range config.Jobs {
		require.True(t, strings.HasPrefix(job.Name, "sluice-"), "the alerts select jobs by this prefix")
		require.NotEmpty(t, job.DNS)
	}
}

// Package deploy_test checks that what is deployed beside the program speaks
// of metrics and labels that the program has: a dashboard or an alert with a
// wrong name is empty and silent for ever.
package deploy_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/consumer"
	"sluice/internal/groups"
	"sluice/internal/kafka"
	"sluice/internal/telemetry"
	"sluice/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	dashboards        = "grafana/*.json"
	consumerDashboard = "grafana/sluice-consumer.json"
	alerts            = "prometheus/sluice-alerts.yml"
	scraping          = "prometheus/prometheus.yml"
)

// ours is a metric of Sluice as it stands in the program; most are written out
// as a constant.
var ours = regexp.MustCompile(`^sluice_[a-z0-9_]+[a-z0-9]$`)

// catalog has the labels of every metric, or nil where only the name is known.
type catalog map[string]map[string]bool

// known returns all metrics: from a registry what can be registered from here,
// with labels; the others by their names in the sources, because most
// collectors are private to their packages and a metric with labels is not in
// /metrics until it was counted once.
func known(t *testing.T) catalog {
	t.Helper()
	all := catalog{"up": {"job": true, "instance": true}} // Prometheus's own.
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
					all[text] = nil
				}
			}
			return true
		})
		return nil
	}))
	descs := make(chan *prometheus.Desc)
	reg := processing(t)
	go func() {
		defer close(descs)
		reg.Describe(descs)
	}()
	for d := range descs {
		all.add(t, d)
	}
	return all
}

// processing returns the registry of a service B that has begun nothing.
func processing(t *testing.T) *prometheus.Registry {
	t.Helper()
	reg, log := telemetry.NewRegistry(), slog.New(slog.DiscardHandler)
	cfg := consumer.DefaultConfig()
	hook, err := webhook.New(webhook.Config{URL: "https://hook.example/"}, cfg.Name, log, reg)
	require.NoError(t, err)
	t.Cleanup(hook.Close)
	_, err = consumer.New(cfg, hook, consumer.Deps{Log: log, Metrics: reg})
	require.NoError(t, err)
	_, err = groups.NewWatch(nil, []groups.Handler{{Name: cfg.Name, Group: cfg.Group, Topics: cfg.Topics}}, log, reg)
	require.NoError(t, err)
	kafka.NewMetrics(reg, "consumer").Up(func() error { return nil })
	return reg
}

var (
	descName   = regexp.MustCompile(`fqName: "([^"]+)"`)
	descLabels = regexp.MustCompile(`constLabels: \{(.*)\}, variableLabels: \{([^}]*)\}`)
	constLabel = regexp.MustCompile(`="(?:[^"\\]|\\.)*"`)
)

// add takes in a metric, and what Prometheus gives it.
func (c catalog) add(t *testing.T, d *prometheus.Desc) {
	t.Helper()
	parts := descLabels.FindStringSubmatch(d.String())
	require.NotNil(t, parts, d.String())
	labels := map[string]bool{"job": true, "instance": true, "le": true}
	for _, list := range []string{constLabel.ReplaceAllString(parts[1], ""), parts[2]} {
		for label := range strings.SplitSeq(list, ",") {
			labels[label] = true
		}
	}
	c[descName.FindStringSubmatch(d.String())[1]] = labels
}

var suffix = regexp.MustCompile(`_(bucket|sum|count)$`)

// find returns the labels of a metric as it is named in an expression.
func (c catalog) find(name string) (labels map[string]bool, ok bool) {
	if labels, ok = c[name]; !ok {
		labels, ok = c[suffix.ReplaceAllString(name, "")]
	}
	return labels, ok
}

// query is what is read of a PromQL expression: the metrics, and the labels
// that it leaves. Prometheus's own parser would bring all of Prometheus along.
type query struct {
	expr    string
	metrics []string
	// matched are the labels that a metric is selected by.
	matched map[string][]string
	// kept are the lists of the outermost "by"; nil where there is none.
	kept [][]string
	// every are the labels of all lists: by, on and the like.
	every []string
	// bare says that the outermost aggregation leaves no label at all.
	bare bool
}

var (
	lexeme = regexp.MustCompile(`^(?:\s+|(?P<string>"(?:[^"\\]|\\.)*")|(?P<number>[0-9][0-9.]*(?:ms|[smhdwy])?)|(?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*)` +
		`|(?P<matchers>\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\})|(?P<range>\[[^\[\]]*\])|(?P<sign>==|!=|>=|<=|[-+*/%^<>(),]))`)
	matcher   = regexp.MustCompile(`([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"`)
	timeRange = regexp.MustCompile(`^\[(?:[0-9]+[smhd](?::[0-9]+[smhd])?|\$__rate_interval|\$__range)\]$`)
	words     = []string{"and", "or", "unless", "bool", "offset"}
	lists     = []string{"by", "without", "on", "ignoring"}
	folds     = []string{"sum", "min", "max", "avg", "count"}
)

// read takes an expression apart, and fails where it is not one.
func read(t *testing.T, where, expr string) query {
	t.Helper()
	q := query{expr: expr, matched: map[string][]string{}}
	depth, last := 0, ""
	const deep = 1 << 10
	listed, bare := deep, deep // The depth of the outermost aggregation with a list, and without.
	for rest := expr; rest != ""; {
		at := lexeme.FindStringSubmatch(rest)
		require.NotNil(t, at, "%s: not PromQL from here on: %s", where, rest)
		rest = rest[len(at[0]):]
		part := func(name string) string { return at[lexeme.SubexpIndex(name)] }
		switch w := part("word"); {
		case slices.Contains(lists, w):
			list, after, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(rest), "("), ")")
			require.True(t, ok, "%s: %s has no list: %s", where, w, expr)
			labels := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
			q.every = append(q.every, labels...)
			if w == "by" && depth < listed {
				q.kept, listed = nil, depth
			}
			if w == "by" && depth == listed {
				q.kept = append(q.kept, labels)
			}
			rest = after
		case slices.Contains(folds, w) && strings.HasPrefix(rest, "("):
			bare = min(bare, depth)
		case w != "" && !slices.Contains(words, w) && !strings.HasPrefix(strings.TrimSpace(rest), "(") && !beforeList(rest):
			q.metrics = append(q.metrics, w)
			last = w
		case part("matchers") != "":
			require.NotEmpty(t, last, "%s: matchers of nothing: %s", where, expr)
			for _, m := range matcher.FindAllStringSubmatch(part("matchers"), -1) {
				q.matched[last] = append(q.matched[last], m[1])
			}
		case part("range") != "":
			require.Regexp(t, timeRange, part("range"), "%s: %s", where, expr)
		case part("sign") == "(":
			depth++
		case part("sign") == ")":
			depth--
			require.GreaterOrEqual(t, depth, 0, "%s: one bracket too many: %s", where, expr)
		}
	}
	require.Zero(t, depth, "%s: a bracket is open: %s", where, expr)
	require.NotEmpty(t, q.metrics, "%s: no metric in %s", where, expr)
	q.bare = bare < listed
	return q
}

// beforeList reports whether an aggregation's list follows.
func beforeList(rest string) bool {
	rest = strings.TrimSpace(rest)
	return strings.HasPrefix(rest, "by ") || strings.HasPrefix(rest, "without ")
}

// requireKnown checks the metrics and labels of an expression.
func (c catalog) requireKnown(t *testing.T, where, expr string) query {
	t.Helper()
	q := read(t, where, expr)
	some, all := map[string]bool{}, true
	for _, name := range q.metrics {
		labels, ok := c.find(name)
		require.True(t, ok, "%s: the program has no metric %s: %s", where, name, expr)
		all = all && labels != nil
		maps.Copy(some, labels)
		for _, label := range q.matched[name] {
			require.True(t, labels == nil || labels[label], "%s: %s has no label %s: %s", where, name, label, expr)
		}
	}
	for _, label := range q.every {
		require.True(t, !all || some[label], "%s: no metric has the label %s: %s", where, label, expr)
	}
	return q
}

// requireLeft checks that a label which is shown is in the result.
func (c catalog) requireLeft(t *testing.T, where string, q query, label string) {
	t.Helper()
	require.False(t, q.bare, "%s: the result has no label %s: %s", where, label, q.expr)
	for _, list := range q.kept {
		require.Contains(t, list, label, "%s: the result has no such label: %s", where, q.expr)
	}
	if q.kept == nil {
		labels, _ := c.find(q.metrics[0])
		require.True(t, labels == nil || labels[label], "%s: the result has no label %s: %s", where, label, q.expr)
	}
}

type datasource struct {
	UID string `json:"uid"`
}

type dashboard struct {
	ID            *int   `json:"id"`
	UID           string `json:"uid"`
	SchemaVersion int    `json:"schemaVersion"`
	Panels        []struct {
		ID         int         `json:"id"`
		Type       string      `json:"type"`
		Title      string      `json:"title"`
		Text       string      `json:"description"`
		Datasource *datasource `json:"datasource"`
		Targets    []struct {
			Datasource datasource `json:"datasource"`
			Expr       string     `json:"expr"`
			Legend     string     `json:"legendFormat"`
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
			Name        string `json:"name"`
			Expr        string `json:"expr"`
			TitleFormat string `json:"titleFormat"`
		} `json:"list"`
	} `json:"annotations"`
}

// panels returns a dashboard, and its expressions with the title of each.
func panels(t *testing.T, file string) (d dashboard, exprs map[string][]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &d))
	exprs = map[string][]string{}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			exprs[p.Title] = append(exprs[p.Title], target.Expr)
		}
	}
	return d, exprs
}

var (
	shown    = regexp.MustCompile(`\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}`)
	variable = regexp.MustCompile(`\$\{?(\w+)`)
)

func TestDashboards(t *testing.T) {
	names := known(t)
	files, err := filepath.Glob(dashboards)
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			d, _ := panels(t, file)
			require.Nil(t, d.ID, "an id belongs to one Grafana")
			require.Equal(t, strings.TrimSuffix(filepath.Base(file), ".json"), d.UID)
			require.GreaterOrEqual(t, d.SchemaVersion, 39)
			variables := []string{"__rate_interval", "__range"}
			for _, v := range d.Templating.List {
				variables = append(variables, v.Name)
			}
			requireShown := func(where, expr, text string) {
				q := names.requireKnown(t, where, expr)
				for _, label := range shown.FindAllStringSubmatch(text, -1) {
					names.requireLeft(t, where, q, label[1])
				}
				for _, v := range variable.FindAllStringSubmatch(expr, -1) {
					require.Contains(t, variables, v[1], where)
				}
			}
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
					requireShown(p.Title, target.Expr, target.Legend)
				}
			}
			require.Equal(t, "datasource", d.Templating.List[0].Type)
			for _, v := range d.Templating.List[1:] {
				series, ok := strings.CutPrefix(v.Definition, "label_values(")
				require.True(t, ok, v.Name)
				series, label, ok := strings.Cut(strings.TrimSuffix(series, ")"), "}, ")
				require.True(t, ok, v.Name)
				requireShown(v.Name, series+"}", "{{"+label+"}}")
			}
			for _, a := range d.Annotations.List {
				requireShown("annotation "+a.Name, a.Expr, a.TitleFormat)
			}
		})
	}
}

// What the processing plane exports is there to be seen, and its panels say
// what to do.
func TestTheConsumerDashboardShowsEveryMetric(t *testing.T) {
	names := known(t)
	d, exprs := panels(t, consumerDashboard)
	seen := map[string]bool{}
	for title, list := range exprs {
		for _, expr := range list {
			for _, name := range read(t, title, expr).metrics {
				seen[name], seen[suffix.ReplaceAllString(name, "")] = true, true
			}
		}
	}
	plane, checked := regexp.MustCompile(`^sluice_(consumer|group|webhook)_`), 0
	for name := range names {
		if plane.MatchString(name) {
			require.True(t, seen[name], "no panel shows %s", name)
			checked++
		}
	}
	require.Greater(t, checked, 20)
	for _, p := range d.Panels {
		require.True(t, p.Type == "row" || p.Text != "", "%s has no description", p.Title)
	}
}

// Each replica exports what it knows of the whole group, so a sum would count
// it once for each of them.
func TestGroupsAreNotCountedOnceForEachReplica(t *testing.T) {
	direct := regexp.MustCompile(`\bmax(?: by \(job, group(?:, topic(?:, partition)?)?\) )?\($`)
	checked := 0
	check := func(where, expr string) {
		for _, at := range regexp.MustCompile(`sluice_group_`).FindAllStringIndex(expr, -1) {
			require.Regexp(t, direct, expr[:at[0]], where)
			checked++
		}
	}
	_, exprs := panels(t, consumerDashboard)
	for title, list := range exprs {
		for _, expr := range list {
			check(title, expr)
		}
	}
	for _, rule := range alertRules(t) {
		check(rule.Alert, rule.Expr)
	}
	require.Greater(t, checked, 10)
}

// The balance is that of consumer.States: a state that it leaves out makes it
// wrong for ever.
func TestTheBooksNameEveryState(t *testing.T) {
	states := slices.DeleteFunc(slices.Sorted(maps.Keys(known(t))), func(name string) bool {
		return !strings.HasPrefix(name, "sluice_consumer_records_")
	})
	require.Len(t, states, reflect.TypeFor[consumer.States]().NumField())
	_, exprs := panels(t, consumerDashboard)
	balances := slices.Concat(exprs["Books"], exprs["In less all states"])
	for _, rule := range alertRules(t) {
		if rule.Alert == "SluiceRecordsDoNotAddUp" {
			balances = append(balances, rule.Expr)
		}
	}
	require.Len(t, balances, 3)
	for _, expr := range balances {
		q := read(t, "balance", expr)
		require.Equal(t, "sluice_consumer_records_in_total", q.metrics[0])
		require.ElementsMatch(t, states, q.metrics)
		require.Equal(t, len(states)-1, strings.Count(expr, " - "), "all but the first are subtracted")
	}
}

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// load reads a YAML file that may hold nothing that into does not know.
func load(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, yaml.UnmarshalWithOptions(text, into, yaml.Strict()))
}

func alertRules(t *testing.T) (all []rule) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	load(t, alerts, &file)
	for _, group := range file.Groups {
		require.NotEmpty(t, group.Rules, group.Name)
		all = append(all, group.Rules...)
	}
	require.NotEmpty(t, all)
	return all
}

func TestAlerts(t *testing.T) {
	names := known(t)
	seen := map[string]bool{}
	for _, rule := range alertRules(t) {
		require.Regexp(t, "^Sluice[A-Za-z]+$", rule.Alert)
		require.False(t, seen[rule.Alert], rule.Alert)
		seen[rule.Alert] = true
		q := names.requireKnown(t, rule.Alert, rule.Expr)
		require.Regexp(t, `^[1-9][0-9]*[smh]$`, rule.For, rule.Alert)
		require.Contains(t, []string{"critical", "warning"}, rule.Labels["severity"], rule.Alert)
		require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
		require.NotEmpty(t, rule.Annotations["description"], "%s does not say what to do", rule.Alert)
		for _, text := range rule.Annotations {
			for _, label := range shown.FindAllStringSubmatch(text, -1) {
				if label[1] != "value" {
					names.requireLeft(t, rule.Alert, q, label[1])
				}
			}
		}
	}
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

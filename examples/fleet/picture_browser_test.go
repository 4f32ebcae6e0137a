//go:build browser

package main

import (
	"cmp"
	"image"
	"image/color"
	"image/png"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// shrink writes a picture anew with few colours, which makes it a quarter as
// large: it is kept in the repository.
func shrink(t *testing.T, name string) {
	t.Helper()
	file, err := os.Open(name)
	require.NoError(t, err)
	full, err := png.Decode(file)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	small := image.NewPaletted(full.Bounds(), commonest(full, 40))
	for y := range full.Bounds().Dy() {
		for x := range full.Bounds().Dx() {
			small.Set(x, y, full.At(x, y))
		}
	}
	file, err = os.Create(name)
	require.NoError(t, err)
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(file, small))
	require.NoError(t, file.Close())
}

// commonest returns the colours that are seen most often, and differ from each
// other.
func commonest(picture image.Image, n int) (chosen color.Palette) {
	counts := map[color.RGBA]int{}
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			counts[color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)]++
		}
	}
	all := make([]color.RGBA, 0, len(counts))
	for c := range counts {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int { return cmp.Compare(counts[b], counts[a]) })
	for _, c := range all {
		near := func(other color.Color) bool {
			o := other.(color.RGBA)
			return abs(o.R, c.R)+abs(o.G, c.G)+abs(o.B, c.B) < 14
		}
		if len(chosen) < n && !slices.ContainsFunc(chosen, near) {
			chosen = append(chosen, c)
		}
	}
	return chosen
}

func abs(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }

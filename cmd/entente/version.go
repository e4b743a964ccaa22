package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	var modules bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say which version this is and what is in it",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			v := map[string]any{"version": info.Main.Version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH}
			for _, s := range info.Settings {
				if s.Key == "vcs.revision" || s.Key == "-tags" {
					v[s.Key] = s.Value
				}
			}
			var deps []string
			for _, d := range info.Deps {
				deps = append(deps, d.Path+" "+d.Version)
			}
			if modules {
				v["modules"] = deps
			}
			if a.json {
				return a.write(v)
			}
			a.print("entente %s, %s %s/%s", info.Main.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			if modules {
				for _, d := range deps {
					a.print("  %s", d)
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&modules, "modules", false, "also list the modules it is built from")
	return cmd
}

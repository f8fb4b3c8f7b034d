{{/*
Fills the map `into` with what the templates of one component get: what `root` has, and `Component` (its name; empty in charts without
components) and `Settings`. The settings are, lowest first: the profile, the chart's values; then those of each part of `shared` that the
component uses, and the component's own, of both the profile's before the chart's. A null at the top says nothing. Merging keeps what it
is given, and the values are the same in all templates of a chart: hence the copies.
*/}}
{{- define "ananta.context" -}}
{{- $profile := get .root.Values.profiles .root.Values.global.profile }}
{{- if not $profile }}
{{- fail (printf "global.profile %q is none of the profiles: %s" .root.Values.global.profile (keys .root.Values.profiles | sortAlpha | join ", ")) }}
{{- end }}
{{- $top := deepCopy (omit .root.Values "global" "profiles" "components" "shared" "ananta-library") }}
{{- range $key, $value := $top }}
{{- if kindIs "invalid" $value }}
{{- $_ := unset $top $key }}
{{- end }}
{{- end }}
{{- $settings := mergeOverwrite (deepCopy (omit $profile "components" "shared")) $top }}
{{- if .component }}
{{- $own := get .root.Values.components .component }}
{{- range $name := $own.uses }}
{{- range $from := list $profile $.root.Values }}
{{- with get (get $from "shared" | default dict) $name }}
{{- $settings = mergeOverwrite $settings (deepCopy .) }}
{{- end }}
{{- end }}
{{- end }}
{{- with get (get $profile "components" | default dict) .component }}
{{- $settings = mergeOverwrite $settings (deepCopy .) }}
{{- end }}
{{- $settings = mergeOverwrite $settings (deepCopy $own) }}
{{- end }}
{{- range $key := list "Capabilities" "Chart" "Files" "Release" "Template" "Values" }}
{{- $_ := set $.into $key (get $.root $key) }}
{{- end }}
{{- $_ := set .into "Component" .component }}
{{- $_ := set .into "Settings" $settings }}
{{- end }}

{{/* The documents that `template` makes of the components of `root` whose kind is one of `kinds`; of the chart itself, if it has none. */}}
{{- define "ananta.each" -}}
{{- $components := list "" }}
{{- with .root.Values.components }}
{{- $components = keys . | sortAlpha }}
{{- end }}
{{- $documents := list }}
{{- range $component := $components }}
{{- $context := dict }}
{{- include "ananta.context" (dict "into" $context "root" $.root "component" $component) }}
{{- if and (has $context.Settings.kind $.kinds) (ne (toString $context.Settings.enabled) "false") }}
{{- with include $.template $context | trim }}
{{- $documents = append $documents . }}
{{- end }}
{{- end }}
{{- end }}
{{- join "\n---\n" $documents }}
{{- end }}

{{/* The kinds that run until they are told to end. */}}
{{- define "ananta.eachWorkload" -}}
{{- include "ananta.each" (dict "root" .root "template" .template "kinds" (list "Deployment" "StatefulSet")) }}
{{- end }}

{{/* Puts the map `over` over the map `under`, in place: maps deeply, everything else replaces, a null says nothing. */}}
{{- define "ananta.overlay" -}}
{{- range $key, $value := .over }}
{{- if kindIs "map" $value }}
{{- if not (kindIs "map" (get $.under $key)) }}
{{- $_ := set $.under $key dict }}
{{- end }}
{{- include "ananta.overlay" (dict "under" (get $.under $key) "over" $value) }}
{{- else if not (kindIs "invalid" $value) }}
{{- $_ := set $.under $key $value }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Fills the map `into` with what the templates of one component get: what `root` has, and `Component` (its name; empty in charts without
components) and `Settings`. The settings are, lowest first: the profile, the chart's values; then those of each part of `shared` that the
component uses, and the component's own, of both the profile's before the chart's.
*/}}
{{- define "ananta.context" -}}
{{- $profile := get .root.Values.profiles .root.Values.global.profile }}
{{- if not $profile }}
{{- fail (printf "global.profile %q is none of the profiles: %s" .root.Values.global.profile (keys .root.Values.profiles | sortAlpha | join ", ")) }}
{{- end }}
{{- $settings := dict }}
{{- include "ananta.overlay" (dict "under" $settings "over" (omit $profile "components" "shared")) }}
{{- include "ananta.overlay" (dict "under" $settings "over" (omit .root.Values "global" "profiles" "components" "shared" "ananta-library")) }}
{{- if .component }}
{{- range $name := (get .root.Values.components .component).uses }}
{{- range $from := list $profile $.root.Values }}
{{- with get (get $from "shared" | default dict) $name }}
{{- include "ananta.overlay" (dict "under" $settings "over" .) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $from := list $profile .root.Values }}
{{- with get (get $from "components" | default dict) $.component }}
{{- include "ananta.overlay" (dict "under" $settings "over" .) }}
{{- end }}
{{- end }}
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

{{- define "h.ok" }}ok{{ end }}
{{- define "h.nil" }}
  x: {{ .Values.image.tag }}
{{ end }}
{{- define "h.outer" -}}
{{ include "h.nil" . }}
{{- end }}
{{ define "h.outer2" }}{{ template "h.outer" . }}{{ end }}
{{- define "h.dict" }}{{ .img.tag.x }}{{ end }}
{{- define "h.dot" }}{{ .a.b }}{{ end }}
{{- define "h.loop" }}{{ include "h.loop" . }}{{ end }}
{{- define "h.required" }}{{ required "a name" .Values.name }}{{ end }}
{{- define "h.fail" }}{{ if true }}{{ fail "helper: failed" }}{{ end }}{{ end }}

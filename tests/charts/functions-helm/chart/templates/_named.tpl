{{- define "named" }}named {{ with . }}{{ .Values.s }}{{ end }}{{ end }}
{{- define "failing" }}
  {{ fail "in a named template" }}
{{- end }}
{{- define "endless" }}{{ include "endless" . }}{{ end }}

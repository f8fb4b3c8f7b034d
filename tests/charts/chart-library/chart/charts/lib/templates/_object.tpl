{{- define "lib.object" -}}
kind: {{ .kind }}
metadata:
  name: {{ .top.Chart.Name }}-{{ .top.Values.lib.mark }}
  library: {{ .top.Subcharts.lib.Chart.Type }}
{{- end -}}

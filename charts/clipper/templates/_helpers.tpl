{{- define "clipper.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "clipper.labels" -}}
helm.sh/chart: {{ include "clipper.chart" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: clipper
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "clipper.grafana.fullname" -}}
{{- printf "%s-grafana" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "clipper.grafana.selectorLabels" -}}
app.kubernetes.io/name: grafana
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "clipper.grafana.labels" -}}
{{ include "clipper.labels" . }}
app.kubernetes.io/name: grafana
{{- end }}

{{- define "clipper.grafana.secretName" -}}
{{- .Values.grafana.admin.existingSecret | default (printf "%s-admin" (include "clipper.grafana.fullname" .)) }}
{{- end }}

{{- define "clipper.grafana.image" -}}
{{- with .Values.global.imageRegistry }}{{ . }}/{{ end }}{{ .Values.grafana.image.repository }}:{{ .Values.grafana.image.tag }}
{{- end }}

{{/* Whether Grafana would run with the password that this chart brings: "true" or nothing. */}}
{{- define "clipper.grafana.hasDefaultPassword" -}}
{{- if and .Values.grafana.enabled (not .Values.grafana.admin.existingSecret) (eq .Values.grafana.adminPassword "change-me") }}true{{ end }}
{{- end }}

{{/* The short name of this component: "frontend", whether it stands alone or below the umbrella. */}}
{{- define "clipper-frontend.name" -}}
{{- default (trimPrefix "clipper-" .Chart.Name) .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of its objects: "clipper-frontend" in the release clipper, the release's name where that says it already. */}}
{{- define "clipper-frontend.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "clipper-frontend.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "clipper-frontend.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "clipper-frontend.labels" -}}
helm.sh/chart: {{ include "clipper-frontend.chart" . }}
{{ include "clipper-frontend.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: clipper
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "clipper-frontend.selectorLabels" -}}
app.kubernetes.io/name: {{ include "clipper-frontend.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "clipper-frontend.image" -}}
{{- $registry := .Values.image.registry | default .Values.global.imageRegistry }}
{{- $tag := .Values.image.tag | default .Chart.AppVersion }}
{{- if $registry }}{{ $registry }}/{{ end }}{{ .Values.image.repository }}:{{ $tag }}
{{- end }}

{{/* The host that the Ingress answers for: ingress.host, which may itself be a template. */}}
{{- define "clipper-frontend.host" -}}
{{- tpl .Values.ingress.host . }}
{{- end }}

{{/* What tells the pod of the test from those of the Deployment, which the Service would otherwise count in. */}}
{{- define "clipper-frontend.testLabels" -}}
app.kubernetes.io/name: {{ include "clipper-frontend.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

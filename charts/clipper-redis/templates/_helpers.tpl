{{/* The short name of this component: "redis", whether it stands alone or below the umbrella. */}}
{{- define "clipper-redis.name" -}}
{{- default (trimPrefix "clipper-" .Chart.Name) .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of its objects: "clipper-redis" in the release clipper, the release's name where that says it already. */}}
{{- define "clipper-redis.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "clipper-redis.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "clipper-redis.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "clipper-redis.labels" -}}
helm.sh/chart: {{ include "clipper-redis.chart" . }}
{{ include "clipper-redis.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: clipper
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "clipper-redis.selectorLabels" -}}
app.kubernetes.io/name: {{ include "clipper-redis.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "clipper-redis.image" -}}
{{- $registry := .Values.image.registry | default .Values.global.imageRegistry }}
{{- $tag := .Values.image.tag | default .Chart.AppVersion }}
{{- if $registry }}{{ $registry }}/{{ end }}{{ .Values.image.repository }}:{{ $tag }}
{{- end }}

{{/* The Secret that has to exist before the chart is deployed, unless secrets.create makes it. */}}
{{- define "clipper-redis.secretName" -}}
{{- .Values.secrets.existingSecret | default (printf "%s-secrets" (include "clipper-redis.fullname" .)) }}
{{- end }}

{{- define "clipper-redis.claimName" -}}
{{- .Values.persistence.existingClaim | default .Values.persistence.claimName }}
{{- end }}

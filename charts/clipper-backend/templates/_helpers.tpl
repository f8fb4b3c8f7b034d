{{/* The short name of this component: "backend", whether it stands alone or below the umbrella. */}}
{{- define "clipper-backend.name" -}}
{{- default (trimPrefix "clipper-" .Chart.Name) .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of its objects: "clipper-backend" in the release clipper, the release's name where that says it already. */}}
{{- define "clipper-backend.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "clipper-backend.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "clipper-backend.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "clipper-backend.labels" -}}
helm.sh/chart: {{ include "clipper-backend.chart" . }}
{{ include "clipper-backend.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: clipper
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "clipper-backend.selectorLabels" -}}
app.kubernetes.io/name: {{ include "clipper-backend.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "clipper-backend.image" -}}
{{- $registry := .Values.image.registry | default .Values.global.imageRegistry }}
{{- $tag := .Values.image.tag | default .Chart.AppVersion }}
{{- if $registry }}{{ $registry }}/{{ end }}{{ .Values.image.repository }}:{{ $tag }}
{{- end }}

{{/* The Secret that has to exist before the chart is deployed, unless secrets.create makes it. */}}
{{- define "clipper-backend.secretName" -}}
{{- .Values.secrets.existingSecret | default (printf "%s-secrets" (include "clipper-backend.fullname" .)) }}
{{- end }}

{{/* The host that the Ingress answers for: ingress.host, which may itself be a template. */}}
{{- define "clipper-backend.host" -}}
{{- tpl .Values.ingress.host . }}
{{- end }}

{{- define "clipper-backend.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "clipper-backend.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* What tells the pod of the test from those of the Deployment, which the Service would otherwise count in. */}}
{{- define "clipper-backend.testLabels" -}}
app.kubernetes.io/name: {{ include "clipper-backend.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

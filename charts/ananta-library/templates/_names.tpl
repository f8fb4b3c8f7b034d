{{- define "ananta.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* What the chart's objects are called: the release's name where that says the chart's already. */}}
{{- define "ananta.release" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "ananta.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* What the objects of a component are called: "temporal-frontend"; without components, the chart's. */}}
{{- define "ananta.fullname" -}}
{{- $release := include "ananta.release" . }}
{{- if .Component }}
{{- printf "%s-%s" $release .Component | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $release }}
{{- end }}
{{- end }}

{{- define "ananta.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ananta.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ananta.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- with .Component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "ananta.labels" -}}
helm.sh/chart: {{ include "ananta.chart" . }}
{{ include "ananta.selectorLabels" . }}
app.kubernetes.io/part-of: ananta
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Labels of what runs an image: its version stands there alone, so that another image changes nothing else. */}}
{{- define "ananta.workloadLabels" -}}
{{ include "ananta.labels" . }}
app.kubernetes.io/version: {{ include "ananta.tag" . | quote }}
{{- end }}

{{/* Labels of pods: without the chart's version, so that a new version that changes nothing of a pod does not replace it. */}}
{{- define "ananta.podLabels" -}}
{{ include "ananta.selectorLabels" . }}
app.kubernetes.io/version: {{ include "ananta.tag" . | quote }}
app.kubernetes.io/part-of: ananta
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "ananta.tag" -}}
{{- .Settings.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "ananta.image" -}}
{{- $repository := required (printf "image.repository is required (%s)" (include "ananta.fullname" .)) .Settings.image.repository }}
{{- with .Settings.image.registry | default .Values.global.imageRegistry }}{{ . }}/{{ end }}{{ $repository }}:{{ include "ananta.tag" . }}
{{- end }}

{{- define "ananta.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "ananta.release" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{/* The host that the component's Ingress answers for. */}}
{{- define "ananta.host" -}}
{{- if .Settings.ingress.host }}
{{- tpl .Settings.ingress.host . }}
{{- else }}
{{- $subdomain := required (printf "ingress.subdomain or ingress.host is required (%s)" (include "ananta.fullname" .)) .Settings.ingress.subdomain }}
{{- printf .Settings.domainFormat $subdomain }}
{{- end }}
{{- end }}

{{/* The public address of a service of the platform, from its subdomain: include "ananta.url" (list . "api"). */}}
{{- define "ananta.url" -}}
{{- $context := first . }}
{{- printf "http%s://%s" (ternary "s" "" $context.Settings.ingress.tls.enabled) (printf $context.Settings.domainFormat (last .)) }}
{{- end }}

{{- define "integration-app.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* What the names of all objects begin with: short enough for the longest component behind it. */}}
{{- define "integration-app.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- $name := include "integration-app.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "integration-app.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Labels of objects that belong to no component. */}}
{{- define "integration-app.labels" -}}
helm.sh/chart: {{ include "integration-app.chart" . }}
app.kubernetes.io/name: {{ include "integration-app.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: membrane
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/*
The components by their keys in the values. Everything that takes a component takes
  dict "root" $ "key" "queuedTasksWorker" "component" .Values.queuedTasksWorker
*/}}
{{- define "integration-app.component.name" -}}
{{- .key | kebabcase }}
{{- end }}

{{/* The name of a component's Deployment, Service, ScaledObject, …: integration-app-queued-tasks-worker. */}}
{{- define "integration-app.component.fullname" -}}
{{- printf "%s-%s" (include "integration-app.fullname" .root) (include "integration-app.component.name" .) }}
{{- end }}

{{- define "integration-app.component.selectorLabels" -}}
app.kubernetes.io/name: {{ include "integration-app.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ include "integration-app.component.name" . }}
{{- end }}

{{- define "integration-app.component.labels" -}}
helm.sh/chart: {{ include "integration-app.chart" .root }}
{{ include "integration-app.component.selectorLabels" . }}
app.kubernetes.io/version: {{ .component.image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: membrane
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "integration-app.component.image" -}}
{{- $tag := .component.image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- with .root.Values.image.registry }}{{ . }}/{{ end }}{{ .component.image.repository }}:{{ $tag }}
{{- end }}

{{/* The host of a component's Ingress: its own, else that of the URL in the config. Also takes "uri", the URL's key. */}}
{{- define "integration-app.component.host" -}}
{{- $host := .component.ingress.host | default (get (urlParse (get .root.Values.config .uri)) "hostname") }}
{{- required (printf "%s.ingress.host is empty, and config.%s is no URL with a host" .key .uri) $host }}
{{- end }}

{{- define "integration-app.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "integration-app.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "integration-app.configMapName" -}}
{{- printf "%s-config" (include "integration-app.fullname" .) }}
{{- end }}

{{- define "integration-app.secretName" -}}
{{- .Values.existingSecret | default (printf "%s-secrets" (include "integration-app.fullname" .)) }}
{{- end }}

{{/* The keys of the config that are secret, as a JSON list. */}}
{{- define "integration-app.secretKeys" -}}
["MONGO_URI", "REDIS_URI", "AUTH0_CLIENT_SECRET", "SECRET", "ENCRYPTION_SECRET"]
{{- end }}

{{- define "ai-agent-connector.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of its objects: the release's, where that says it already; room is left for what stands behind it. */}}
{{- define "ai-agent-connector.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 47 | trimSuffix "-" }}
{{- else }}
{{- $name := include "ai-agent-connector.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 47 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 47 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ai-agent-connector.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ai-agent-connector.labels" -}}
helm.sh/chart: {{ include "ai-agent-connector.chart" . }}
{{ include "ai-agent-connector.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: ai-agent-connector
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "ai-agent-connector.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ai-agent-connector.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of the pod of `helm test`; not the service's own, whose Service and budget must not take it for one of theirs. */}}
{{- define "ai-agent-connector.testLabels" -}}
app.kubernetes.io/name: {{ include "ai-agent-connector.name" . | trunc 58 }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ai-agent-connector.image" -}}
{{- .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* The Secret with the keys, whoever makes it. */}}
{{- define "ai-agent-connector.secretName" -}}
{{- .Values.secrets.existingSecret | default (printf "%s-secret" (include "ai-agent-connector.fullname" .)) }}
{{- end }}

{{- define "ai-agent-connector.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "ai-agent-connector.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

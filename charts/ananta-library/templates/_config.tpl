{{/* The entries of the component's ConfigMap, which its containers have as environment. Empty when there are none. */}}
{{- define "ananta.environment" -}}
{{- $settings := .Settings }}
{{- if $settings.logging.enabled }}
LOG_LEVEL: {{ $settings.logLevel | quote }}
LOG_FORMAT: json
LOG_CORRELATION_HEADER: x-correlation-id
{{- end }}
{{- if $settings.telemetry.enabled }}
OTEL_SERVICE_NAME: {{ include "ananta.fullname" . }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ .Values.global.external.collector.endpoint | quote }}
OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf
OTEL_PROPAGATORS: tracecontext,baggage
OTEL_TRACES_SAMPLER: parentbased_traceidratio
OTEL_TRACES_SAMPLER_ARG: {{ $settings.telemetry.samplingRatio | quote }}
{{- end }}
{{- if $settings.database.enabled }}
DB_HOST: {{ include "ananta.databaseHost" . | quote }}
DB_PORT: {{ .Values.global.external.postgresql.port | quote }}
DB_NAME: {{ required (printf "database.name is required (%s)" (include "ananta.fullname" .)) $settings.database.name | quote }}
DB_POOL_MIN: {{ $settings.databasePool.min | quote }}
DB_POOL_MAX: {{ $settings.databasePool.max | quote }}
DB_IDLE_TIMEOUT: {{ $settings.databasePool.idleTimeoutMilliseconds | quote }}
{{- end }}
{{- if $settings.redis.enabled }}
REDIS_HOST: {{ .Values.global.external.redis.host | quote }}
REDIS_PORT: {{ .Values.global.external.redis.port | quote }}
{{- end }}
{{- if $settings.rabbitmq.enabled }}
RABBITMQ_HOST: {{ .Values.global.external.rabbitmq.host | quote }}
RABBITMQ_PORT: {{ .Values.global.external.rabbitmq.port | quote }}
{{- end }}
{{- if $settings.objectStorage.enabled }}
S3_ENDPOINT: {{ .Values.global.external.objectStorage.endpoint | quote }}
S3_REGION: {{ .Values.global.external.objectStorage.region | quote }}
{{- end }}
{{- range $key, $value := $settings.config }}
{{ $key }}: {{ tpl (toString $value) $ | quote }}
{{- end }}
{{- end }}

{{- define "ananta.databaseHost" -}}
{{- tpl (.Settings.database.host | default .Values.global.external.postgresql.host) . }}
{{- end }}

{{/* Secrets that a chart makes itself are the chart's; a component has no Secret of its own. */}}
{{- define "ananta.secretName" -}}
{{- .Settings.secrets.existingSecret | default (printf "%s-secrets" (include "ananta.release" .)) }}
{{- end }}

{{- define "ananta.configmap" -}}
{{- include "ananta.eachWorkload" (dict "root" . "template" "ananta.configmaps.of") }}
{{- end }}

{{- define "ananta.configmaps.of" -}}
{{- $name := include "ananta.fullname" . }}
{{- $documents := list }}
{{- with include "ananta.environment" . | trim }}
{{- $documents = append $documents (include "ananta.configmap.of" (dict "context" $ "name" (printf "%s-config" $name) "data" .)) }}
{{- end }}
{{- range $group, $files := .Settings.files }}
{{- $documents = append $documents (include "ananta.configmap.of" (dict "context" $ "name" (printf "%s-%s" $name $group) "data" (include "ananta.files" (list $ $files)))) }}
{{- end }}
{{- join "\n---\n" $documents }}
{{- end }}

{{- define "ananta.files" -}}
{{- $context := first . }}
{{- range $file, $text := (last .).data }}
{{ $file }}: |
  {{- tpl $text $context | trim | nindent 2 }}
{{- end }}
{{- end }}

{{- define "ananta.configmap.of" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}
  labels:
    {{- include "ananta.labels" .context | nindent 4 }}
data:
  {{- .data | trim | nindent 2 }}
{{- end }}

{{/* Changes when anything does that the pods read from ConfigMaps. */}}
{{- define "ananta.configChecksum" -}}
{{- include "ananta.configmaps.data" . | sha256sum }}
{{- end }}

{{- define "ananta.configmaps.data" -}}
{{- include "ananta.environment" . }}
{{- range $group, $files := .Settings.files }}
{{ $group }}:
{{- include "ananta.files" (list $ $files) }}
{{- end }}
{{- end }}

{{- define "ananta.secret" -}}
{{- if .Values.secrets.create }}
{{- $context := dict }}
{{- include "ananta.context" (dict "into" $context "root" . "component" "") }}
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "ananta.secretName" $context }}
  labels:
    {{- include "ananta.labels" $context | nindent 4 }}
type: Opaque
data:
  {{- range $key, $value := .Values.secrets.data }}
  {{ $key }}: {{ $value | toString | b64enc | quote }}
  {{- end }}
{{- end }}
{{- end }}

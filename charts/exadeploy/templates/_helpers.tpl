{{/* What every name begins with: the release's name, which says "exadeploy" by itself or has it added. */}}
{{- define "exadeploy.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}
{{- .Release.Name | trunc 36 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 36 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The name of an object: (list . "scheduler") is "exadeploy-scheduler", with the suffix behind it; (list . "") has no component. */}}
{{- define "exadeploy.name" -}}
{{- $root := index . 0 }}
{{- $parts := list (include "exadeploy.fullname" $root) (index . 1) (trimPrefix "-" $root.Values.exafunction.suffix) }}
{{- join "-" (compact $parts) | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "exadeploy.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Labels of the objects of a component: (list . "scheduler"); (list . "") where an object belongs to none. */}}
{{- define "exadeploy.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ include "exadeploy.chart" $root }}
{{ include "exadeploy.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: exadeploy
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- end }}

{{- define "exadeploy.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- with index . 1 }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* Annotations of every pod: where Prometheus finds its metrics, and what the values add. */}}
{{- define "exadeploy.podAnnotations" -}}
{{- $annotations := dict "prometheus.io/scrape" "true" "prometheus.io/port" (toString .Values.prometheus.port) }}
{{- toYaml (mergeOverwrite $annotations .Values.exafunction.annotations) }}
{{- end }}

{{/* The full name of a component's Service in the cluster's DNS: (list . "scheduler"). */}}
{{- define "exadeploy.host" -}}
{{- $root := index . 0 }}
{{- printf "%s.%s.svc.%s" (include "exadeploy.name" .) $root.Release.Namespace $root.Values.exafunction.clusterDomain }}
{{- end }}

{{/* The system's ServiceAccount. */}}
{{- define "exadeploy.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "exadeploy.name" (list . "")) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Whatever stands in images unpacks and starts, but gains nothing: the images are not ours, so their user is theirs. */}}
{{- define "exadeploy.podSecurityContext" -}}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "exadeploy.containerSecurityContext" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
{{- end }}

{{/* A file of settings: (dict "generated" MAP "additional" TEXT), the additional ones over the generated. */}}
{{- define "exadeploy.config" -}}
{{- mergeOverwrite (deepCopy .generated) (fromYaml .additional) | toYaml }}
{{- end }}

{{/* "true" where runners have Services of their own. */}}
{{- define "exadeploy.runnersHaveServices" -}}
{{- if or .Values.runner.useLoadBalancerServiceIp .Values.runner.ingress.enabled }}true{{ end }}
{{- end }}

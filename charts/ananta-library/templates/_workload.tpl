{{- define "ananta.deployment" -}}
{{- include "ananta.each" (dict "root" . "template" "ananta.deployment.of" "kinds" (list "Deployment")) }}
{{- end }}

{{- define "ananta.deployment.of" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "ananta.fullname" . }}
  labels:
    {{- include "ananta.workloadLabels" . | nindent 4 }}
spec:
  {{- if not .Settings.autoscaling.enabled }}
  replicas: {{ .Settings.replicaCount }}
  {{- end }}
  revisionHistoryLimit: {{ .Settings.revisionHistoryLimit }}
  strategy:
    {{- toYaml .Settings.strategy | nindent 4 }}
  selector:
    matchLabels:
      {{- include "ananta.selectorLabels" . | nindent 6 }}
  template:
    {{- include "ananta.pod" . | trim | nindent 4 }}
{{- end }}

{{- define "ananta.statefulset" -}}
{{- include "ananta.each" (dict "root" . "template" "ananta.statefulset.of" "kinds" (list "StatefulSet")) }}
{{- end }}

{{/* One writer with one claim, which stands in the chart: a claim template's would not be the chart's to keep. */}}
{{- define "ananta.statefulset.of" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ include "ananta.fullname" . }}
  labels:
    {{- include "ananta.workloadLabels" . | nindent 4 }}
spec:
  replicas: 1
  serviceName: {{ include "ananta.fullname" . }}
  revisionHistoryLimit: {{ .Settings.revisionHistoryLimit }}
  updateStrategy:
    type: RollingUpdate
  selector:
    matchLabels:
      {{- include "ananta.selectorLabels" . | nindent 6 }}
  template:
    {{- include "ananta.pod" . | trim | nindent 4 }}
{{- end }}

{{- define "ananta.claimName" -}}
{{- .Settings.persistence.existingClaim | default (printf "%s-data" (include "ananta.fullname" .)) }}
{{- end }}

{{- define "ananta.persistentvolumeclaim" -}}
{{- include "ananta.eachWorkload" (dict "root" . "template" "ananta.persistentvolumeclaim.of") }}
{{- end }}

{{- define "ananta.persistentvolumeclaim.of" -}}
{{- $persistence := .Settings.persistence }}
{{- if and $persistence.enabled (not $persistence.existingClaim) }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ include "ananta.claimName" . }}
  labels:
    {{- include "ananta.selectorLabels" . | nindent 4 }}
    app.kubernetes.io/part-of: ananta
  annotations:
    # Data is deleted by a person, never by an uninstall.
    helm.sh/resource-policy: keep
spec:
  accessModes:
    {{- toYaml $persistence.accessModes | nindent 4 }}
  {{- with $persistence.storageClass }}
  storageClassName: {{ . | quote }}
  {{- end }}
  resources:
    requests:
      storage: {{ $persistence.size }}
{{- end }}
{{- end }}

{{- define "ananta.job" -}}
{{- include "ananta.each" (dict "root" . "template" "ananta.job.of" "kinds" (list "Job")) }}
{{- end }}

{{/* A hook. It needs nothing of the chart itself, since it may run before anything of that is there. */}}
{{- define "ananta.job.of" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "ananta.fullname" . }}
  labels:
    {{- include "ananta.workloadLabels" . | nindent 4 }}
  annotations:
    helm.sh/hook: {{ .Settings.hook.events }}
    helm.sh/hook-weight: {{ .Settings.hook.weight | quote }}
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  backoffLimit: 3
  template:
    {{- include "ananta.pod" . | trim | nindent 4 }}
{{- end }}

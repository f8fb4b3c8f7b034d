{{- define "ananta.hpa" -}}
{{- include "ananta.each" (dict "root" . "template" "ananta.hpa.of" "kinds" (list "Deployment")) }}
{{- end }}

{{- define "ananta.hpa.of" -}}
{{- $autoscaling := .Settings.autoscaling }}
{{- if $autoscaling.enabled }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "ananta.fullname" . }}
  labels:
    {{- include "ananta.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "ananta.fullname" . }}
  minReplicas: {{ $autoscaling.minReplicas }}
  maxReplicas: {{ $autoscaling.maxReplicas }}
  metrics:
    {{- range $resource, $target := dict "cpu" $autoscaling.targetCPUUtilizationPercentage "memory" $autoscaling.targetMemoryUtilizationPercentage }}
    {{- if $target }}
    - type: Resource
      resource:
        name: {{ $resource }}
        target:
          type: Utilization
          averageUtilization: {{ $target }}
    {{- end }}
    {{- end }}
  {{- with $autoscaling.behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "ananta.pdb" -}}
{{- include "ananta.eachWorkload" (dict "root" . "template" "ananta.pdb.of") }}
{{- end }}

{{- define "ananta.pdb.of" -}}
{{- if .Settings.podDisruptionBudget.enabled }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "ananta.fullname" . }}
  labels:
    {{- include "ananta.labels" . | nindent 4 }}
spec:
  minAvailable: {{ .Settings.podDisruptionBudget.minAvailable }}
  selector:
    matchLabels:
      {{- include "ananta.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end }}

{{- define "ananta.serviceaccount" -}}
{{- if .Values.serviceAccount.create }}
{{- $context := dict }}
{{- include "ananta.context" (dict "into" $context "root" . "component" "") }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "ananta.serviceAccountName" $context }}
  labels:
    {{- include "ananta.labels" $context | nindent 4 }}
  {{- with .Values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
{{- end }}

{{- define "ananta.servicemonitor" -}}
{{- include "ananta.eachWorkload" (dict "root" . "template" "ananta.servicemonitor.of") }}
{{- end }}

{{- define "ananta.servicemonitor.of" -}}
{{- $monitor := .Settings.serviceMonitor }}
{{- if and $monitor.enabled .Values.global.serviceMonitors }}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ include "ananta.fullname" . }}
  labels:
    {{- include "ananta.labels" . | nindent 4 }}
    {{- with $monitor.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels:
      {{- include "ananta.selectorLabels" . | nindent 6 }}
  endpoints:
    - port: {{ $monitor.port }}
      path: {{ $monitor.path }}
      interval: {{ $monitor.interval }}
      scrapeTimeout: {{ $monitor.scrapeTimeout }}
{{- end }}
{{- end }}

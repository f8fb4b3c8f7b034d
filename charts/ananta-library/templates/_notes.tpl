{{- define "ananta.notes" -}}
{{ .Chart.Name }} {{ .Chart.AppVersion }} is deployed as {{ .Release.Name }} in {{ .Release.Namespace }}, with the profile {{ .Values.global.profile }}.
{{- $components := list "" }}
{{- with .Values.components }}
{{- $components = keys . | sortAlpha }}
{{- end }}
{{- range $component := $components }}
{{- $context := dict }}
{{- include "ananta.context" (dict "into" $context "root" $ "component" $component) }}
{{- $settings := $context.Settings }}
{{- if and (ne $settings.kind "Job") (ne (toString $settings.enabled) "false") }}
{{- $name := include "ananta.fullname" $context }}

{{ $name }}
{{- if $settings.ingress.enabled }}
  answers on     http{{ if $settings.ingress.tls.enabled }}s{{ end }}://{{ include "ananta.host" $context }}
{{- end }}
{{- range $port, $numbers := $settings.ports }}
{{- if $numbers.port }}
  in the cluster {{ $name }}.{{ $.Release.Namespace }}.svc:{{ $numbers.port }} ({{ $port }})
{{- end }}
{{- end }}
{{- if and $settings.secrets.keys (not $settings.secrets.create) }}
  waits for      the Secret {{ include "ananta.secretName" $context }} with {{ values $settings.secrets.keys | uniq | sortAlpha | join ", " }}
{{- end }}
{{- if and $settings.persistence.enabled (ne $settings.kind "Job") }}
  keeps its data in the claim {{ include "ananta.claimName" $context }}, which an uninstall leaves
{{- end }}
  its rollout    kubectl rollout status {{ lower $settings.kind }}/{{ $name }} -n {{ $.Release.Namespace }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ananta.test" -}}
{{- include "ananta.eachWorkload" (dict "root" . "template" "ananta.test.of") }}
{{- end }}

{{- define "ananta.test.of" -}}
{{- $test := .Settings.test }}
{{- if $test.path }}
{{- $name := include "ananta.fullname" . }}
apiVersion: v1
kind: Pod
metadata:
  name: {{ $name }}-test
  labels:
    {{- /* Not the selector's: the Service would send requests here. */}}
    helm.sh/chart: {{ include "ananta.chart" . }}
    app.kubernetes.io/name: {{ include "ananta.name" . }}-test
    app.kubernetes.io/instance: {{ .Release.Name }}
    app.kubernetes.io/part-of: ananta
    app.kubernetes.io/managed-by: {{ .Release.Service }}
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  {{- with .Values.global.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .Settings.podSecurityContext | nindent 4 }}
  containers:
    - name: wget
      image: {{ with .Values.global.imageRegistry }}{{ . }}/{{ end }}{{ $test.image }}
      command: [wget]
      args: [-q, -O, "-", "http://{{ $name }}:{{ (get .Settings.ports $test.port).port }}{{ $test.path }}"]
      securityContext:
        {{- toYaml .Settings.securityContext | nindent 8 }}
      resources:
        requests:
          cpu: 10m
          memory: 16Mi
        limits:
          cpu: 100m
          memory: 32Mi
{{- end }}
{{- end }}

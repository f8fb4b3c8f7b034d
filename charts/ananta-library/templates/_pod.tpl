{{/* The template of the component's pods: metadata and spec. */}}
{{- define "ananta.pod" -}}
{{- $settings := .Settings }}
{{- $job := eq $settings.kind "Job" }}
metadata:
  {{- if or (not $job) $settings.podAnnotations }}
  annotations:
    {{- if not $job }}
    checksum/config: {{ include "ananta.configChecksum" . }}
    {{- end }}
    {{- if $settings.secrets.create }}
    checksum/secrets: {{ toJson $settings.secrets.data | sha256sum }}
    {{- end }}
    {{- with $settings.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  labels:
    {{- include "ananta.podLabels" . | nindent 4 }}
    {{- with $settings.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- if $job }}
  restartPolicy: Never
  {{- else }}
  serviceAccountName: {{ include "ananta.serviceAccountName" . }}
  {{- end }}
  automountServiceAccountToken: false
  {{- with .Values.global.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $settings.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  terminationGracePeriodSeconds: {{ $settings.terminationGracePeriodSeconds }}
  securityContext:
    {{- toYaml $settings.podSecurityContext | nindent 4 }}
  {{- if $settings.writableCopies }}
  initContainers:
    {{- range $volume, $path := $settings.writableCopies }}
    - name: copy-{{ $volume }}
      image: {{ include "ananta.image" $ | quote }}
      imagePullPolicy: {{ $settings.image.pullPolicy }}
      command: [sh, -c, 'cp -R "$0/." /copy/', {{ $path | quote }}]
      securityContext:
        {{- toYaml $settings.securityContext | nindent 8 }}
      resources:
        {{- toYaml $settings.resources | nindent 8 }}
      volumeMounts:
        - name: {{ $volume }}
          mountPath: /copy
    {{- end }}
  {{- end }}
  containers:
    - name: {{ .Component | default (include "ananta.name" .) }}
      {{- include "ananta.container" . | trim | nindent 6 }}
    {{- with $settings.sidecars }}
    {{- tpl (toYaml .) $ | nindent 4 }}
    {{- end }}
  {{- with include "ananta.volumes" . | trim }}
  volumes:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with $settings.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with include "ananta.affinity" . | trim }}
  affinity:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with $settings.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $settings.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* The component's container, without its name. */}}
{{- define "ananta.container" -}}
{{- $settings := .Settings }}
{{- $job := eq $settings.kind "Job" }}
image: {{ include "ananta.image" . | quote }}
imagePullPolicy: {{ $settings.image.pullPolicy }}
{{- with $settings.command }}
command:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $settings.args }}
args:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml $settings.securityContext | nindent 2 }}
{{- if and $settings.ports (not $job) }}
ports:
  {{- range $port, $numbers := $settings.ports }}
  - name: {{ $port }}
    containerPort: {{ $numbers.containerPort }}
    protocol: TCP
  {{- end }}
{{- end }}
{{- $environment := include "ananta.environment" . | trim }}
{{- if and $environment (not $job) }}
envFrom:
  - configMapRef:
      name: {{ include "ananta.fullname" . }}-config
{{- end }}
{{- with include "ananta.env" (list . $environment) | trim }}
env:
  {{- . | nindent 2 }}
{{- end }}
{{- if not $job }}
{{- if $settings.preStopSleepSeconds }}
lifecycle:
  preStop:
    exec:
      command: [sleep, {{ $settings.preStopSleepSeconds | quote }}]
{{- end }}
{{- range $probe := list "startupProbe" "readinessProbe" "livenessProbe" }}
{{ $probe }}:
  {{- toYaml (get $settings $probe) | nindent 2 }}
{{- end }}
{{- end }}
resources:
  {{- toYaml $settings.resources | nindent 2 }}
{{- with include "ananta.volumeMounts" . | trim }}
volumeMounts:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Environment variables one by one: (list CONTEXT ENVIRONMENT). A hook runs before the ConfigMap is there, so that its are here. */}}
{{- define "ananta.env" -}}
{{- $context := first . }}
{{- $settings := $context.Settings }}
{{- if eq $settings.kind "Job" }}
{{- range $variable, $value := fromYaml (last .) }}
- name: {{ $variable }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- if $settings.telemetry.enabled }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ printf "service.namespace=ananta,service.version=%s,deployment.environment.name=%s" (include "ananta.tag" $context) $context.Values.global.profile | quote }}
{{- end }}
{{- range $optional, $keys := dict "" $settings.secrets.keys "optional" $settings.secrets.optionalKeys }}
{{- range $variable, $key := $keys }}
- name: {{ $variable }}
  valueFrom:
    secretKeyRef:
      name: {{ include "ananta.secretName" $context }}
      key: {{ $key }}
      {{- if $optional }}
      optional: true
      {{- end }}
{{- end }}
{{- end }}
{{- with $settings.env }}
{{ tpl (toYaml .) $context }}
{{- end }}
{{- end }}

{{- define "ananta.volumeMounts" -}}
{{- range $volume, $path := .Settings.writable }}
- name: {{ $volume }}
  mountPath: {{ $path }}
{{- end }}
{{- range $volume, $path := .Settings.writableCopies }}
- name: {{ $volume }}
  mountPath: {{ $path }}
{{- end }}
{{- range $volume, $files := .Settings.files }}
- name: {{ $volume }}
  mountPath: {{ $files.mountPath }}
  readOnly: true
{{- end }}
{{- if .Settings.persistence.enabled }}
- name: data
  mountPath: {{ .Settings.persistence.mountPath }}
{{- end }}
{{- with .Settings.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ananta.volumes" -}}
{{- range $folders := list .Settings.writable .Settings.writableCopies }}
{{- range $volume, $path := $folders }}
- name: {{ $volume }}
  emptyDir: {}
{{- end }}
{{- end }}
{{- range $volume, $files := .Settings.files }}
- name: {{ $volume }}
  configMap:
    name: {{ include "ananta.fullname" $ }}-{{ $volume }}
{{- end }}
{{- if .Settings.persistence.enabled }}
- name: data
  persistentVolumeClaim:
    claimName: {{ include "ananta.claimName" . }}
{{- end }}
{{- with .Settings.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Pods of one component keep apart from each other's nodes: not at all, where it is possible, or always. */}}
{{- define "ananta.affinity" -}}
{{- if .Settings.affinity }}
{{- toYaml .Settings.affinity }}
{{- else if eq .Settings.antiAffinity "required" }}
podAntiAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    - topologyKey: kubernetes.io/hostname
      labelSelector:
        matchLabels:
          {{- include "ananta.selectorLabels" . | nindent 10 }}
{{- else if eq .Settings.antiAffinity "preferred" }}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "ananta.selectorLabels" . | nindent 12 }}
{{- else if ne .Settings.antiAffinity "none" }}
{{- fail (printf "antiAffinity must be none, preferred or required, not %q" (toString .Settings.antiAffinity)) }}
{{- end }}
{{- end }}

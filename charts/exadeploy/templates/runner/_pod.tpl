{{/*
The pod that the scheduler makes for each runner. It adds the pod's owner and, where runners have names in the DNS, `hostname`.
*/}}
{{- define "exadeploy.runnerPod" -}}
{{- $name := include "exadeploy.name" (list . "runner") -}}
apiVersion: v1
kind: Pod
metadata:
  generateName: {{ $name }}-
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "exadeploy.selectorLabels" (list . "runner") | nindent 4 }}
    app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
    app.kubernetes.io/part-of: exadeploy
    app.kubernetes.io/managed-by: {{ include "exadeploy.name" (list . "scheduler") }}
  annotations:
    {{- include "exadeploy.podAnnotations" . | nindent 4 }}
spec:
  # A runner holds sessions: one that ended is replaced by the scheduler, not started again.
  restartPolicy: Never
  {{- if .Values.runner.createHeadlessService }}
  subdomain: {{ $name }}
  {{- end }}
  serviceAccountName: {{ .Values.runner.serviceAccountName | default (include "exadeploy.serviceAccountName" .) }}
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 30
  securityContext:
    {{- include "exadeploy.podSecurityContext" . | nindent 4 }}
  containers:
    - name: runner
      image: {{ .Values.runner.image | quote }}
      args: ["-config=/etc/exadeploy/config.yaml"]
      securityContext:
        {{- include "exadeploy.containerSecurityContext" . | nindent 8 }}
      ports:
        - name: grpc
          containerPort: {{ .Values.runner.port }}
          protocol: TCP
        - name: value-store
          containerPort: {{ .Values.runner.valueStorePort }}
          protocol: TCP
        - name: metrics
          containerPort: {{ .Values.prometheus.port }}
          protocol: TCP
      readinessProbe:
        tcpSocket:
          port: grpc
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 3
      {{- $limits := dict }}
      {{- with .Values.runner.cpuLimit }}
      {{- $_ := set $limits "cpu" (toString .) }}
      {{- end }}
      {{- with .Values.runner.memoryLimit }}
      {{- $_ := set $limits "memory" (toString .) }}
      {{- end }}
      {{- if not .Values.runner.cpuOnly }}
      {{- $_ := set $limits "nvidia.com/gpu" 1 }}
      {{- end }}
      {{- with $limits }}
      resources:
        limits:
          {{- toYaml . | nindent 10 }}
      {{- end }}
      volumeMounts:
        - name: config
          mountPath: /etc/exadeploy
          readOnly: true
        - name: tmp
          mountPath: /tmp
  volumes:
    - name: config
      configMap:
        name: {{ $name }}
        items:
          - key: config.yaml
            path: config.yaml
    - name: tmp
      emptyDir: {}
  {{- with include "exadeploy.placement" .Values.runner | trim }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end }}

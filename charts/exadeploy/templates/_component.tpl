{{/* The Service of a component: (list . "scheduler" .Values.scheduler). */}}
{{- define "exadeploy.service" -}}
{{- $component := index . 2 -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "exadeploy.name" . }}
  labels:
    {{- include "exadeploy.labels" . | nindent 4 }}
  {{- with $component.service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ $component.service.type }}
  ports:
    - name: grpc
      port: {{ $component.port }}
      targetPort: grpc
      protocol: TCP
      appProtocol: kubernetes.io/h2c
  selector:
    {{- include "exadeploy.selectorLabels" . | nindent 4 }}
{{- end }}

{{/* The Ingress of a component: (list . "scheduler" .Values.scheduler). */}}
{{- define "exadeploy.ingress" -}}
{{- $component := index . 2 -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ include "exadeploy.name" . }}
  labels:
    {{- include "exadeploy.labels" . | nindent 4 }}
  {{- with $component.ingress.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with $component.ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  rules:
    - host: {{ $component.ingress.host | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {{ include "exadeploy.name" . }}
                port:
                  name: grpc
{{- end }}

{{/* Probes of a component that answers on the port `grpc`: it may load for five minutes before it counts as broken. */}}
{{- define "exadeploy.probes" -}}
startupProbe:
  tcpSocket:
    port: grpc
  periodSeconds: 5
  failureThreshold: 60
readinessProbe:
  tcpSocket:
    port: grpc
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 3
livenessProbe:
  tcpSocket:
    port: grpc
  periodSeconds: 20
  timeoutSeconds: 3
  failureThreshold: 3
{{- end }}

{{/* Where the pods of a component may run: its nodeSelector and tolerations. */}}
{{- define "exadeploy.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

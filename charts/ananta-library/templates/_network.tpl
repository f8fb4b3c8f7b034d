{{- define "ananta.service" -}}
{{- include "ananta.eachWorkload" (dict "root" . "template" "ananta.service.of") }}
{{- end }}

{{- define "ananta.service.of" -}}
{{- $ports := dict }}
{{- range $port, $numbers := .Settings.ports }}
{{- if $numbers.port }}
{{- $_ := set $ports $port $numbers }}
{{- end }}
{{- end }}
{{- if and .Settings.service.enabled $ports }}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "ananta.fullname" . }}
  labels:
    {{- include "ananta.labels" . | nindent 4 }}
  {{- with .Settings.service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .Settings.service.type }}
  ports:
    {{- range $port, $numbers := $ports }}
    - name: {{ $port }}
      port: {{ $numbers.port }}
      targetPort: {{ $port }}
      protocol: TCP
    {{- end }}
  selector:
    {{- include "ananta.selectorLabels" . | nindent 4 }}
{{- end }}
{{- end }}

{{- define "ananta.ingress" -}}
{{- include "ananta.eachWorkload" (dict "root" . "template" "ananta.ingress.of") }}
{{- end }}

{{- define "ananta.ingress.of" -}}
{{- $ingress := .Settings.ingress }}
{{- if $ingress.enabled }}
{{- $host := include "ananta.host" . }}
{{- $name := include "ananta.fullname" . }}
{{- $annotations := dict }}
{{- if and $ingress.tls.enabled $ingress.tls.clusterIssuer }}
{{- $_ := set $annotations "cert-manager.io/cluster-issuer" $ingress.tls.clusterIssuer }}
{{- end }}
{{- $annotations = mergeOverwrite $annotations $ingress.annotations }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ $name }}
  labels:
    {{- include "ananta.labels" . | nindent 4 }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  ingressClassName: {{ $ingress.className }}
  {{- if $ingress.tls.enabled }}
  tls:
    - hosts:
        - {{ $host }}
      secretName: {{ $ingress.tls.secretName | default (printf "%s-tls" $name) }}
  {{- end }}
  rules:
    - host: {{ $host }}
      http:
        paths:
          - path: {{ $ingress.path }}
            pathType: {{ $ingress.pathType }}
            backend:
              service:
                name: {{ $name }}
                port:
                  name: http
{{- end }}
{{- end }}

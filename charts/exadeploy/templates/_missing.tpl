{{/*
What the values say wrongly or not at all, one line each. Every line names its key, so that all of it can be mended at once.
*/}}
{{- define "exadeploy.faults" -}}
{{- $values := .Values }}
{{- $remote := $values.moduleRepository.backend.remote }}
{{- $needed := dict
  "exafunction.apiKeySecret.name" "the Secret that holds the API key"
  "exafunction.apiKeySecret.key" "the key of that Secret under which the API key stands"
  "scheduler.image" "the image of the scheduler"
  "moduleRepository.image" "the image of the module repository"
  "runner.image" "the image of the runners"
}}
{{- if $values.scheduler.ingress.enabled }}
{{- $_ := set $needed "scheduler.ingress.host" "the host of the scheduler's Ingress, which is enabled" }}
{{- end }}
{{- if $values.moduleRepository.ingress.enabled }}
{{- $_ := set $needed "moduleRepository.ingress.host" "the host of the module repository's Ingress, which is enabled" }}
{{- end }}
{{- if $values.runner.ingress.enabled }}
{{- $_ := set $needed "runner.ingress.host" "the domain of the runners' Ingresses, which are enabled" }}
{{- end }}
{{- if eq $values.moduleRepository.backend.type "local" }}
{{- $_ := set $needed "moduleRepository.backend.local.localMetadataBaseDir" "the folder of the local backend's metadata" }}
{{- else if eq $values.moduleRepository.backend.type "remote" }}
{{- $below := "moduleRepository.backend.remote" }}
{{- $_ := set $needed (printf "%s.postgres.host" $below) "the host of Postgres, for the remote backend" }}
{{- $_ := set $needed (printf "%s.postgres.port" $below) "the port of Postgres, for the remote backend" }}
{{- $_ := set $needed (printf "%s.postgres.database" $below) "the database, for the remote backend" }}
{{- $_ := set $needed (printf "%s.postgres.user" $below) "the user of the database, for the remote backend" }}
{{- $_ := set $needed (printf "%s.postgres.passwordSecret.name" $below) "the Secret that holds the database's password" }}
{{- $_ := set $needed (printf "%s.postgres.passwordSecret.key" $below) "the key of that Secret under which the password stands" }}
{{- if $remote.postgres.sslConfigMapName }}
{{- $_ := set $needed (printf "%s.postgres.sslCertificateName" $below) "the certificate's file in the ConfigMap of postgres.sslConfigMapName" }}
{{- else if $remote.postgres.sslCertificateName }}
{{- $_ := set $needed (printf "%s.postgres.sslConfigMapName" $below) "the ConfigMap that holds the file of postgres.sslCertificateName" }}
{{- end }}
{{- if eq $remote.dataBackend "s3" }}
{{- $_ := set $needed (printf "%s.s3.region" $below) "the region of the bucket, for the data backend s3" }}
{{- $_ := set $needed (printf "%s.s3.bucket" $below) "the bucket, for the data backend s3" }}
{{- $_ := set $needed (printf "%s.s3.awsAccessKeySecret.name" $below) "the Secret that holds the bucket's access key" }}
{{- $_ := set $needed (printf "%s.s3.awsAccessKeySecret.accessKeyIdKey" $below) "the key of that Secret under which the access key's id stands" }}
{{- $_ := set $needed (printf "%s.s3.awsAccessKeySecret.secretAccessKeyKey" $below) "the key of that Secret under which the secret access key stands" }}
{{- else if eq $remote.dataBackend "gcs" }}
{{- $_ := set $needed (printf "%s.gcs.bucket" $below) "the bucket, for the data backend gcs" }}
{{- $_ := set $needed (printf "%s.gcs.gcpCredentialsSecret.name" $below) "the Secret that holds the bucket's credentials" }}
{{- $_ := set $needed (printf "%s.gcs.gcpCredentialsSecret.gcpCredentialsJsonKey" $below) "the key of that Secret under which the credentials stand" }}
{{- end }}
{{- end }}
{{- range $key, $what := $needed }}
{{- $value := $values }}
{{- range splitList "." $key }}{{ $value = get $value . }}{{ end }}
{{- if not $value }}
{{ $key }} is required: {{ $what }}
{{- end }}
{{- end }}
{{- if not (has $values.moduleRepository.backend.type (list "local" "remote")) }}
moduleRepository.backend.type must be local or remote
{{- else if not (has $remote.dataBackend (list "s3" "gcs")) }}
moduleRepository.backend.remote.dataBackend must be s3 or gcs
{{- end }}
{{- range $component := list "scheduler" "moduleRepository" "runner" }}
{{- if hasKey (get (get $values $component) "additionalConfig" | fromYaml) "Error" }}
{{ $component }}.additionalConfig must be a map in YAML
{{- end }}
{{- end }}
{{- if and $values.scheduler.minRunners $values.scheduler.maxRunners }}
{{- if gt (int $values.scheduler.minRunners) (int $values.scheduler.maxRunners) }}
scheduler.minRunners must not be more than scheduler.maxRunners
{{- end }}
{{- end }}
{{- end }}

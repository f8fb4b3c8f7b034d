{{/*
The numbers by which workers are scaled. Each has a name, which is that of a recording rule of the PrometheusRule, and an
expression of the application's metrics. Whoever needs one asks for its series (dict "root" $ "name" NAME): the recorded one where
the rules are deployed, else the expression itself. README.md says what each means.
*/}}
{{- define "integration-app.series" -}}
{{- if .root.Values.prometheusRule.enabled }}
{{- printf "%s{namespace=%q,release=%q}" .name .root.Release.Namespace .root.Release.Name }}
{{- else }}
{{- printf "(%s)" (include "integration-app.expression" .) }}
{{- end }}
{{- end }}

{{/* What one component's pods say of a metric: dict "root" $ "metric" NAME "key" COMPONENT "matcher" more matchers. */}}
{{- define "integration-app.metric" -}}
{{- printf "%s{namespace=%q,service=%q%s}" .metric .root.Release.Namespace (include "integration-app.component.fullname" .) (.matcher | default "") }}
{{- end }}

{{- define "integration-app.expression" -}}
{{- $root := .root }}
{{- $names := $root.Values.prometheus.metricNames }}
{{- if eq .name "integration_app:instant_tasks_jobs:max" }}
{{- printf "max(sum by (pod) (%s))" (include "integration-app.metric" (dict "root" $root "key" "api" "metric" $names.instantTasksJobs "matcher" ",state=~\"waiting|active\"")) }}
{{- else if eq .name "integration_app:custom_code_runner_used_pods:sum" }}
{{- $total := include "integration-app.metric" (dict "root" $root "key" "customCodeRunner" "metric" $names.customCodeRunnerSlots "matcher" ",state=\"total\"") }}
{{- $available := include "integration-app.metric" (dict "root" $root "key" "customCodeRunner" "metric" $names.customCodeRunnerSlots "matcher" ",state=\"available\"") }}
{{- printf "(sum(%s) - sum(%s)) / avg(%s)" $total $available $total }}
{{- else if eq .name "integration_app:queued_tasks_waiting:max" }}
{{- printf "max(%s)" (include "integration-app.metric" (dict "root" $root "key" "api" "metric" $names.queuedTasks "matcher" ",state=\"waiting\"")) }}
{{- else }}
{{- $busy := include "integration-app.metric" (dict "root" $root "key" "queuedTasksWorker" "metric" $names.queuedTasksWorkerBusy) }}
{{- $waiting := include "integration-app.series" (dict "root" $root "name" "integration_app:queued_tasks_waiting:max") }}
{{- if eq .name "integration_app:queued_tasks_workers:count" }}
{{- printf "count(%s) or %s * 0" $busy $waiting }}
{{- else if eq .name "integration_app:queued_tasks_workers_busy:sum" }}
{{- printf "sum(%s) or %s * 0" $busy $waiting }}
{{- else if eq .name "integration_app:queued_tasks_workers_desired:max" }}
{{- include "integration-app.desiredWorkers" . }}
{{- else }}
{{- fail (printf "there is no series %s" .name) }}
{{- end }}
{{- end }}
{{- end }}

{{/*
How many queued tasks workers there should be:
- at scaleUpRate or above: as many more as the factor says, or as the tasks that wait ask for, whichever is more (where nobody knows
  how many wait: as the factor says);
- below scaleDownRate: as few as the factor says, but not so few that they would be at scaleUpRate at once; never more than there are;
- between the two: as many as there are.
"or" takes the right side where the left has no value, and a comparison has none where it is false.
*/}}
{{- define "integration-app.desiredWorkers" -}}
{{- $targets := .root.Values.queuedTasksWorker.autoscaling.scalingTargets }}
{{- $workers := include "integration-app.series" (dict "root" .root "name" "integration_app:queued_tasks_workers:count") }}
{{- $busy := include "integration-app.series" (dict "root" .root "name" "integration_app:queued_tasks_workers_busy:sum") }}
{{- $waiting := include "integration-app.series" (dict "root" .root "name" "integration_app:queued_tasks_waiting:max") }}
{{- $grown := printf "%s * %v" $workers $targets.scaleUpFactor }}
{{- $asked := printf "(%s + %s * %v)" $workers $waiting $targets.workerBufferRatio }}
{{- $shrunk := printf "floor(%s * %v)" $workers $targets.scaleDownFactor }}
{{- $needed := printf "ceil((%s + %s * %v) / %v)" $busy $waiting $targets.workerBufferRatio $targets.scaleUpRate }}
{{- $fewer := printf "(%s > %s or %s)" $shrunk $needed $needed -}}
((({{ $grown }} > {{ $asked }}) or {{ $asked }} or {{ $grown }}) and {{ $busy }} >= {{ $workers }} * {{ $targets.scaleUpRate }})
or
((({{ $fewer }} < {{ $workers }}) or {{ $workers }}) and {{ $busy }} < {{ $workers }} * {{ $targets.scaleDownRate }})
or
{{ $workers }}
{{- end }}

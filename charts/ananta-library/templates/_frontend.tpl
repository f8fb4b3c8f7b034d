{{/* The server of a single-page application: what is no file is the application's own route. */}}
{{- define "ananta.nginx" -}}
{{- $levels := dict "debug" "info" "info" "notice" "warn" "warn" -}}
log_format ananta escape=json
  '{"time":"$time_iso8601","level":"info","correlationId":"$correlation_id","method":"$request_method","path":"$asked_path",'
  '"status":$status,"bytes":$body_bytes_sent,"seconds":$request_time}';

map $http_x_correlation_id $correlation_id {
  default $http_x_correlation_id;
  ""      $request_id;
}

# What was asked for, without its query, where tokens may stand.
map $request_uri $asked_path {
  "~^(?<path>[^?]*)" $path;
}

# A healthy answer to a probe is no news.
map $uri $is_logged {
  default  1;
  /healthz 0;
}

server {
  listen {{ .Settings.ports.http.containerPort }};
  server_name _;
  server_tokens off;
  root /usr/share/nginx/html;

  access_log /dev/stdout ananta if=$is_logged;
  error_log /dev/stderr {{ get $levels .Settings.logLevel }};

  gzip on;
  gzip_types text/css application/javascript application/json image/svg+xml;

  location = /healthz {
    default_type text/plain;
    return 200 "ok\n";
  }

  # What differs between environments; the build is the same in all of them.
  location = /config.js {
    alias /etc/ananta/config.js;
    add_header Cache-Control no-store;
    add_header X-Content-Type-Options nosniff;
  }

  # The build names these by their content.
  location /assets/ {
    add_header Cache-Control "public, max-age=31536000, immutable";
    add_header X-Content-Type-Options nosniff;
  }

  location / {
    try_files $uri /index.html;
    add_header Cache-Control no-cache;
    add_header X-Content-Type-Options nosniff;
    add_header X-Frame-Options DENY;
    add_header Referrer-Policy strict-origin-when-cross-origin;
  }
}
{{- end }}

{{- define "ananta.site" -}}
{{- $site := dict }}
{{- range $key, $value := .Settings.site }}
{{- $_ := set $site $key (tpl (toString $value) $) }}
{{- end -}}
window.__ANANTA__ = {{ toPrettyJson $site }};
{{- end }}

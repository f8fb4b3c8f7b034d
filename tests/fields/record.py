"""Runs scenarios.py against a kube-apiserver and records every step; see record.sh."""

import base64
import gzip
import json
import pathlib
import ssl
import sys
import tempfile
import time
import urllib.error
import urllib.request

from scenarios import CRDS, SCENARIOS

HERE = pathlib.Path(__file__).parent


class Server:
    """The few requests that are needed, with the manager and content type spelled out."""

    def __init__(self, kubeconfig):
        # A kubeconfig of one cluster and one user with a token; its YAML is flat enough to be read by lines.
        found = {}
        for line in pathlib.Path(kubeconfig).read_text().splitlines():
            key, _, value = line.strip().lstrip("- ").partition(": ")
            found.setdefault(key, value.strip())
        self.url, self.token = found["server"], found["token"]
        authority = tempfile.NamedTemporaryFile(suffix=".crt")
        authority.write(base64.b64decode(found["certificate-authority-data"]))
        authority.flush()
        self.context = ssl.create_default_context(cafile=authority.name)

    def call(self, method, path, body=None, kind="application/json"):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind, "User-Agent": "recorder"}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, context=self.context) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


def strip(value, names=False):
    """A schema without descriptions; `names` when the keys are names of properties, not words of the schema."""
    if isinstance(value, dict):
        return {k: strip(v, k == "properties" and not names) for k, v in value.items() if names or k != "description"}
    return [strip(v) for v in value] if isinstance(value, list) else value


def record_schemas(server):
    schemas = {}
    _, index = server.call("GET", "/openapi/v3")
    for name in sorted(index["paths"]):
        if name.endswith("example.com/v1"):
            continue
        _, document = server.call("GET", index["paths"][name]["serverRelativeURL"])
        for key, schema in document.get("components", {}).get("schemas", {}).items():
            if not key.startswith("com.example."):
                schemas.setdefault(key, strip(schema))
    text = json.dumps(schemas, sort_keys=True, separators=(",", ":"))
    target = HERE / "../../src/fields/recorded/openapi-v3.json.gz"
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{len(schemas)} schemas, {target.stat().st_size} bytes")


PATCHES = {
    "strategic": "application/strategic-merge-patch+json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}


def run(server, name, scenario):
    resource, object_name = scenario["resource"], f"fields-{name}"
    collection = f"/{resource[0]}/namespaces/default/{resource[1]}"
    server.call("DELETE", f"{collection}/{object_name}", {"gracePeriodSeconds": 0})
    while server.call("GET", f"{collection}/{object_name}")[0] != 404:
        time.sleep(0.2)
    steps = []
    for step in scenario["steps"]:
        # Every step has a second of its own, and controllers have come to rest.
        time.sleep(step.get("wait", 1.2))
        url = f"/{step.get('group', resource[0])}/namespaces/default/{resource[1]}/{object_name}"
        code, live = server.call("GET", url)
        live = live if code == 200 else None
        do, manager, body = step["do"], step["manager"], step.get("body")
        subresource = step.get("subresource", "")
        target = url + (f"/{subresource}" if subresource else "")
        query = f"?fieldManager={manager}"
        if do == "create":
            body["metadata"]["name"] = object_name
            code, answer = server.call("POST", collection + query, body)
        elif do == "put":
            changed = json.loads(json.dumps(live))
            step["change"](changed)
            resets = changed["metadata"].get("managedFields") == [{}]
            code, answer = server.call("PUT", target + query, changed)
        else:
            if do == "apply":
                body.setdefault("metadata", {})["name"] = object_name
                query += "&force=true" if step.get("force") else ""
            code, answer = server.call("PATCH", target + query, body, PATCHES[do])
        if subresource == "scale" and code == 200:
            code, answer = server.call("GET", url)
        if code >= 300 and not step.get("fails"):
            sys.exit(f"{name}: {do} by {manager}: {code} {json.dumps(answer)}")
        recorded = {"do": do, "manager": manager, "force": step.get("force", False), "subresource": subresource,
                    "live": live, "code": code, "answer": answer}
        if do == "apply":
            recorded["config"] = body
        if do == "put" and resets:
            recorded["resets"] = True
        steps.append(recorded)
    server.call("DELETE", f"{collection}/{object_name}", {"gracePeriodSeconds": 0})
    result = {"steps": steps}
    if scenario.get("crd"):
        result["crd"] = CRDS[scenario["crd"]]
    (HERE / f"recorded/{name}.json").write_text(json.dumps(result, sort_keys=True, indent=1) + "\n")
    print(f"{name}: {len(steps)} steps")


def main():
    server = Server(sys.argv[1])
    record_schemas(server)
    for crd in CRDS.values():
        server.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
    while any(server.call("GET", f"/apis/example.com/v1/namespaces/default/{c['spec']['names']['plural']}")[0] != 200
              for c in CRDS.values()):
        time.sleep(0.2)
    time.sleep(3)
    wanted = sys.argv[2:] or list(SCENARIOS)
    for name in wanted:
        run(server, name, SCENARIOS[name])


main()

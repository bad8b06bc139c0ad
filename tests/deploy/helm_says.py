"""Asks Helm, as a library: lint the chart, and render it with each of the values on stdin.

Run by the environment of requirements/deploy.txt, as `python helm_says.py CHART < values.json`.
"""

import json
import sys

import helm_python as helm


def rendered(chart: "helm.Chart", values: object) -> object:
    try:
        return {"manifests": chart.render(values, name="sms", namespace="prod")}
    except helm.HelmError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    path = sys.argv[1]
    with helm.Chart.load(path) as chart:
        found = [rendered(chart, values) for values in json.load(sys.stdin)]
    json.dump({"lint": helm.lint(path, strict=True), "rendered": found}, sys.stdout)

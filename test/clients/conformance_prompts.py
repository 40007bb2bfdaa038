"""The prompt registry, as the 3.x client uses it: text and chat, versions, aliases, tags, search, runs."""

import mlflow
from harness import MLFLOW_3, case, client, fails, http, new_run, same, unique

if MLFLOW_3:
    from mlflow.entities.model_registry import PromptVersion

CHAT = [
    {"role": "system", "content": "You are a {{style}} assistant."},
    {"role": "user", "content": "{{question}}"},
]


def register(name=None, template="Hello {{name}}", **options):
    return mlflow.genai.register_prompt(name or unique("prompt"), template, **options)


def load(name_or_uri, **options):
    """Past the client's cache, as another process does."""
    return mlflow.genai.load_prompt(name_or_uri, cache_ttl_seconds=0, **options)


def templates(name):
    return [(it.version, it.template) for it in client().search_prompt_versions(name)]


@case("prompts: register, load, alias, search; they hide among models", client=3)
def prompts():
    name = unique("greeting")
    first = register(name, commit_message="first", tags={"tone": "kind"})
    register(name, "Hi {{name}}!")
    same((first.version, load(name, version=1).template), (1, "Hello {{name}}"))
    mlflow.genai.set_prompt_alias(name, "live", 2)
    same(load(f"prompts:/{name}@live").format(name="Ada"), "Hi Ada!")
    same([it.name for it in mlflow.genai.search_prompts(f"name = '{name}'")], [name])
    same(list(client().search_registered_models(f"name = '{name}'")), [])
    same(mlflow.genai.load_prompt(unique("nobody"), allow_missing=True), None)


@case("prompts: what is registered is loaded whole, text and chat", client=3)
def whole():
    text = register(template="Grüße, {{name}} 👋\n", commit_message="a first try", tags={"author": "Ada"})
    found = load(text.name, version=1)
    same((found.name, found.version, found.template), (text.name, 1, "Grüße, {{name}} 👋\n"))
    same((found.commit_message, found.tags, found.is_text_prompt), ("a first try", {"author": "Ada"}, True))
    same(found.uri, f"prompts:/{text.name}/1")
    assert found.creation_timestamp > 0
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
    config = {"model_name": "gpt-4", "temperature": 0.5}
    chat = register(template=CHAT, response_format=schema, model_config=config)
    found = load(f"prompts:/{chat.name}/1")
    same((found.template, found.is_text_prompt, found.response_format), (CHAT, False, schema))
    same({key: found.model_config[key] for key in config}, config)
    same(found.variables, {"style", "question"})
    same(found.format(style="calm", question="Why?")[1], {"role": "user", "content": "Why?"})


@case("prompts: without a version the newest one is loaded, and `latest` means it in any case", client=3)
def newest():
    name = unique("prompt")
    fails("RESOURCE_DOES_NOT_EXIST", load, name)
    for number in (1, 2, 3):
        register(name, f"version {number}")
    names = [name, f"prompts:/{name}@latest", f"prompts:/{name}@LATEST", f"prompts:/{name}@Latest"]
    same([load(it).template for it in names], ["version 3"] * 4)
    same(client().get_prompt_version_by_alias(name, "latest").version, 3)
    client().delete_prompt_version(name, "3")
    same([load(it).template for it in names], ["version 2"] * 4)
    fails("INVALID_PARAMETER_VALUE", client().set_prompt_alias, name, "latest", 1)
    for number in ("1", "2"):
        client().delete_prompt_version(name, number)
    fails("RESOURCE_DOES_NOT_EXIST", load, f"prompts:/{name}@latest")
    same(load(name, allow_missing=True), None)
    query = {"name": name, "alias": "latest"}
    answer = http("GET", "/api/2.0/mlflow/registered-models/alias", params=query)
    same((answer.status_code, answer.json()["error_code"]), (404, "RESOURCE_DOES_NOT_EXIST"))


@case("models: `models:/name@latest` is the newest version, also as a source", client=3)
def newest_model():
    name = unique("model")
    client().create_registered_model(name)
    fails("RESOURCE_DOES_NOT_EXIST", client().get_model_version_by_alias, name, "latest")
    for number in (1, 2):
        client().create_model_version(name, f"s3://bucket/{number}")
    for alias in ("latest", "LATEST"):
        same(str(client().get_model_version_by_alias(name, alias).version), "2")
    copy = client().copy_model_version(f"models:/{name}@latest", unique("copy"))
    same(client().get_model_version_download_uri(copy.name, copy.version), "s3://bucket/2")


@case("prompts: an alias points to one version, moves, and goes with its version", client=3)
def aliases():
    name = unique("prompt")
    for number in (1, 2):
        register(name, f"version {number}")
    mlflow.genai.set_prompt_alias(name, "live", 1)
    same(load(f"prompts:/{name}@live").version, 1)
    mlflow.genai.set_prompt_alias(name, "live", 2)
    same((load(f"prompts:/{name}@live").version, load(name, version=2).aliases), (2, ["live"]))
    same(client().get_prompt_version(name, "2").aliases, ["live"])
    mlflow.genai.delete_prompt_alias(name, "live")
    fails(("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"), load, f"prompts:/{name}@live")
    mlflow.genai.set_prompt_alias(name, "old", 1)
    client().delete_prompt_version(name, "1")
    fails(("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"), load, f"prompts:/{name}@old")


@case("prompts: tags of a prompt and of a version are set, read and deleted", client=3)
def tags():
    name = register(tags={"author": "Ada"}).name
    mlflow.genai.set_prompt_tag(name, "team", "risk")
    mlflow.genai.set_prompt_tag(name, "team", "fraud")
    assert mlflow.genai.get_prompt_tags(name)["team"] == "fraud"
    same(client().get_prompt(name).tags.get("team"), "fraud")
    mlflow.genai.delete_prompt_tag(name, "team")
    assert "team" not in mlflow.genai.get_prompt_tags(name)
    mlflow.genai.set_prompt_version_tag(name, 1, "score", "0.9")
    same(load(name, version=1).tags, {"author": "Ada", "score": "0.9"})
    mlflow.genai.delete_prompt_version_tag(name, 1, "score")
    same(load(name, version=1).tags, {"author": "Ada"})
    mlflow.genai.set_prompt_model_config(name, 1, {"model_name": "gpt-4", "max_tokens": 10})
    same(load(name, version=1).model_config["max_tokens"], 10)
    mlflow.genai.delete_prompt_model_config(name, 1)
    same(load(name, version=1).model_config, None)


@case("prompts: versions are listed, the newest first; prompts are searched by name, tag and page", client=3)
def search():
    mark = unique("m")
    names = [f"{mark}-{suffix}" for suffix in ("a", "b", "c")]
    for name in names:
        client().create_prompt(name, description=f"about {name}", tags={"mark": mark})
    for number in (1, 2, 3):
        register(names[0], f"version {number}")
    same(templates(names[0]), [(3, "version 3"), (2, "version 2"), (1, "version 1")])
    mlflow.genai.set_prompt_version_tag(names[0], 1, "k", "v")
    mlflow.genai.set_prompt_alias(names[0], "live", 1)
    same([version for version, _ in templates(names[0])], [3, 2, 1])
    same([it.name for it in client().search_prompts(f"name LIKE '{mark}%'")], names)
    same([it.name for it in client().search_prompts(f"tags.mark = '{mark}'")], names)
    same(client().search_prompts(f"name = '{names[1]}'")[0].description, f"about {names[1]}")
    first = client().search_prompts(f"name LIKE '{mark}%'", max_results=2)
    rest = client().search_prompts(f"name LIKE '{mark}%'", max_results=2, page_token=first.token)
    same([[it.name for it in page] for page in (first, rest)], [names[:2], names[2:]])


@case("prompts: created and deleted by their own calls", client=3)
def life():
    name = unique("prompt")
    same(client().get_prompt(name), None)
    prompt = client().create_prompt(name, description="d", tags={"k": "v"})
    same((prompt.name, prompt.description, prompt.tags), (name, "d", {"k": "v"}))
    version = client().create_prompt_version(name, "text {{x}}", description="first", tags={"a": "b"})
    assert isinstance(version, PromptVersion)
    same((version.version, version.template, version.commit_message), (1, "text {{x}}", "first"))
    same(client().get_prompt_version(name, "1").template, "text {{x}}")
    client().delete_prompt_version(name, "1")
    fails("RESOURCE_DOES_NOT_EXIST", client().get_prompt_version, name, "1")
    client().delete_prompt(name)
    same(client().get_prompt(name), None)
    same(list(client().search_prompts(f"name = '{name}'")), [])


@case("prompts: a model of the same name is none, and a prompt is no model", client=3)
def apart():
    model, prompt = unique("model"), register().name
    client().create_registered_model(model)
    fails("INVALID_PARAMETER_VALUE", register, model)
    fails(("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"), load, model, version=1)
    fails("RESOURCE_ALREADY_EXISTS", client().create_registered_model, prompt)
    fails("INVALID_PARAMETER_VALUE", client().create_model_version, model, f"models:/{prompt}/1")
    same([it.name for it in mlflow.genai.search_prompts(f"name = '{model}'")], [])
    same(list(client().search_model_versions(f"name = '{prompt}'")), [])


@case("prompts: linked to a run they are listed with it", client=3)
def runs():
    run_id, name = new_run(), unique("prompt")
    for number in (1, 2):
        register(name, f"version {number}")
    client().link_prompt_version_to_run(run_id, f"prompts:/{name}/2")
    linked = client().get_run(run_id).data.tags["mlflow.linkedPrompts"]
    assert name in linked and '"2"' in linked, linked
    with mlflow.start_run() as run:
        load(name, version=1)
    same(client().get_run(run.info.run_id).info.status, "FINISHED")

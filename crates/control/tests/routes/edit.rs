//! Creating, reading, listing, replacing, editing and deleting.

use model::access::Role;
use serde_json::{Value, json};

use crate::{create, events, get, house, payments};

#[tokio::test]
async fn a_route_is_told_as_it_was_written() {
    let house = house().await;
    let mut body = payments();
    body["hosts"] = json!(["pay.example.com"]);
    body["tags"] = json!(["pci"]);
    body["base"]["timeouts"] = json!({"connect": "1s"});
    body["base"]["rate_limit"] = json!({"requests": 5, "per": "1m"});
    body["base"]["alive"] = json!(["2xx"]);
    body["base"]["dead"] = json!([401, {"status": 403, "header": {"x-error": "dead"}}]);
    body["base"]["probe"] = json!({"method": "GET", "path": "/v1/balance?x=1"});
    body["environments"]["staging"] = json!({"inject": {"headers": {"Authorization": {"basic": {"username": "u", "password": "{{sandbox}}"}}}, "query": {"k": false}}});
    let reply = create(&house, body.clone()).await;
    assert_eq!((reply.header("location"), reply.header("etag")), ("/v1/routes/payments", "\"1\""));
    let told = get(&house, "payments").await;
    assert_eq!(told.header("etag"), "\"1\"");
    assert_eq!(told.body, reply.body);
    // The base has every place of `inject`, whether it was given or not; an environment has what it overrides.
    body["base"]["inject"]["query"] = json!({});
    body["base"]["inject"]["body"] = json!({});
    for member in ["name", "hosts", "tags", "base", "environments"] {
        assert_eq!(told.body[member], body[member], "{member}");
    }
    assert_eq!((&told.body["description"], &told.body["revision"]), (&json!(""), &json!(1)));
    let event = events(&house, 1).await.remove(0);
    assert_eq!((&event["action"], &event["subject"]), (&json!("route.create"), &json!("route/payments")));
    assert_eq!(event["after"]["base"]["upstream"], "https://api.stripe.com");

    let again = house.send(Role::Admin, "POST", "/v1/routes", payments()).await;
    assert_eq!(again.refusal(), (409, "name-taken"));
}

#[tokio::test]
async fn a_misspelt_name_is_answered_with_the_nearest() {
    let house = house().await;
    create(&house, payments()).await;
    let reply = house.send(Role::Viewer, "GET", "/v1/routes/payment", Value::Null).await;
    assert_eq!(reply.refusal(), (404, "route-not-found"));
    assert_eq!(reply.body["did_you_mean"], "payments");
    for method in ["PUT", "PATCH", "DELETE"] {
        let reply = house.send(Role::Admin, method, "/v1/routes/No!", json!({})).await;
        assert_eq!(reply.refusal(), (404, "route-not-found"), "{method}");
    }
}

#[tokio::test]
async fn put_replaces_as_a_whole() {
    let house = house().await;
    create(&house, payments()).await;
    // What the route was made from may be sent again.
    let same = house.send(Role::Admin, "PUT", "/v1/routes/payments", payments()).await.expect(200);
    assert_eq!((same.header("etag"), &same.body["revision"]), ("\"1\"", &json!(1)));
    let mut body = payments();
    body["description"] = json!("card payments");
    body["environments"] = json!({"staging": {}});
    let reply = house.send(Role::Admin, "PUT", "/v1/routes/payments", body).await.expect(200);
    assert_eq!(reply.header("etag"), "\"2\"");
    let told = get(&house, "payments").await.body;
    assert_eq!(told["environments"], json!({"staging": {}}));
    let reply = house.send(Role::Admin, "PUT", "/v1/routes/payments", json!({"environments": {}})).await;
    assert_eq!(reply.errors(), [("/base".to_owned(), "upstream-invalid".to_owned())]);
    let bare = json!({"base": {"upstream": "https://api.stripe.com"}});
    house.send(Role::Admin, "PUT", "/v1/routes/payments", bare.clone()).await.expect(200);
    let told = get(&house, "payments").await.body;
    assert_eq!((&told["description"], &told["base"]), (&json!(""), &bare["base"]));

    let mut body = payments();
    body["name"] = json!("refunds");
    let reply = house.send(Role::Admin, "PUT", "/v1/routes/payments", body).await;
    assert_eq!(reply.errors(), [("/name".to_owned(), "name-immutable".to_owned())]);
    // What was read can be edited and sent back.
    let mut told = house.send(Role::Admin, "GET", "/v1/routes/payments", Value::Null).await.expect(200).body;
    told["description"] = json!("read, edited, sent back");
    let reply = house.send(Role::Admin, "PUT", "/v1/routes/payments", told).await.expect(200);
    assert_eq!(reply.body["description"], "read, edited, sent back");
    let reply = house.send(Role::Admin, "PUT", "/v1/routes/payments", json!({"colour": 1})).await;
    assert_eq!(reply.errors(), [("/colour".to_owned(), "member-unknown".to_owned())]);
}

#[tokio::test]
async fn patch_merges_and_null_takes_away() {
    let house = house().await;
    create(&house, payments()).await;
    let patch = json!({
        "base": {"inject": {"headers": {"Authorization": null, "X-Key": "{{stripe}}"}}, "shield": false},
        "environments": {"development": null, "staging": {"guard": "block"}},
    });
    let reply = house.send(Role::Admin, "PATCH", "/v1/routes/payments", patch.clone()).await.expect(200);
    assert_eq!(reply.body["base"]["inject"], json!({"headers": {"X-Key": "{{stripe}}"}, "query": {}, "body": {}}));
    assert_eq!(reply.body["base"]["upstream"], "https://api.stripe.com");
    assert_eq!(reply.body["environments"], json!({"production": {}, "staging": {"guard": "block"}}));
    // The same once more makes no difference, and no revision.
    let again = house.send(Role::Admin, "PATCH", "/v1/routes/payments", patch).await.expect(200);
    assert_eq!((again.header("etag"), &again.body), ("\"2\"", &reply.body));
    for (patch, pointer, code) in [
        (json!([]), "", "member-invalid"),
        (json!({"base": {"shield": 1}}), "/base/shield", "member-invalid"),
        (json!({"name": "other"}), "/name", "name-immutable"),
        (json!({"base": {"upstream": "ftp://x"}}), "/base/upstream", "upstream-invalid"),
    ] {
        let reply = house.send(Role::Admin, "PATCH", "/v1/routes/payments", patch.clone()).await.expect(422);
        let errors = reply.errors();
        assert!(errors.contains(&(pointer.to_owned(), code.to_owned())), "{patch}: {errors:?}");
    }
    assert_eq!(get(&house, "payments").await.body["revision"], 2);
}

#[tokio::test]
async fn a_stale_tag_is_refused_and_a_fresh_one_is_not() {
    let house = house().await;
    create(&house, payments()).await;
    let patch = json!({"description": "new"});
    let path = "/v1/routes/payments";
    house.send_with(Role::Admin, "PATCH", path, &[("if-match", "\"1\"")], patch).await.expect(200);
    for (method, body) in [("PATCH", json!({})), ("PUT", payments()), ("DELETE", Value::Null)] {
        let reply = house.send_with(Role::Admin, method, path, &[("if-match", "\"1\"")], body).await;
        assert_eq!(reply.refusal(), (412, "precondition-failed"), "{method}");
    }
    house.send_with(Role::Admin, "DELETE", path, &[("if-match", "\"2\"")], Value::Null).await.expect(204);
    house.send(Role::Admin, "GET", path, Value::Null).await.expect(404);
}

#[tokio::test]
async fn a_route_that_a_client_names_is_not_deleted() {
    let house = house().await;
    create(&house, payments()).await;
    let client = json!({"name": "shop", "environments": ["staging"], "routes": ["payments"]});
    house.send(Role::Admin, "POST", "/v1/clients", client).await.expect(201);
    let reply = house.send(Role::Admin, "DELETE", "/v1/routes/payments", Value::Null).await;
    assert_eq!(reply.refusal(), (409, "route-in-use"));
    assert!(reply.text.contains("shop"), "{}", reply.text);
    house.send(Role::Admin, "PATCH", "/v1/clients/shop", json!({"routes": ["*"]})).await.expect(200);
    house.send(Role::Admin, "DELETE", "/v1/routes/payments", Value::Null).await.expect(204);
    assert_eq!(events(&house, 1).await[0]["action"], "route.delete");
}

#[tokio::test]
async fn the_list_is_filtered_and_paged() {
    let house = house().await;
    for (name, description, tag, environment) in [
        ("a1", "Alpha", "x", "staging"),
        ("a2", "beta", "y", "production"),
        ("b1", "alphabet", "x", "production"),
        ("b2", "", "x", "staging"),
    ] {
        let mut body = payments();
        body["name"] = json!(name);
        body["description"] = json!(description);
        body["tags"] = json!([tag]);
        body["environments"] = json!({environment: {}});
        create(&house, body).await;
    }
    create(&house, json!({"name": "alone", "base": {"shield": true}})).await;
    for (query, names) in [
        ("", vec!["a1", "a2", "alone", "b1", "b2"]),
        ("?q=ALPHA", vec!["a1", "b1"]),
        ("?q=stripe.com", vec!["a1", "a2", "b1", "b2"]),
        ("?q=Bearer", vec![]),
        ("?tag=x", vec!["a1", "b1", "b2"]),
        ("?environment=production", vec!["a2", "b1"]),
        ("?secret=stripe", vec!["a1", "a2", "b1", "b2"]),
        ("?secret=sandbox", vec![]),
        ("?tag=x&environment=staging", vec!["a1", "b2"]),
    ] {
        let reply = house.send(Role::Viewer, "GET", &format!("/v1/routes{query}"), Value::Null).await.expect(200);
        assert_eq!(reply.names(), names, "{query}");
    }
    let first = house.send(Role::Viewer, "GET", "/v1/routes?tag=x&limit=2", Value::Null).await.expect(200);
    assert_eq!(first.names(), ["a1", "b1"]);
    let next = first.body["next"].as_str().unwrap();
    let second = format!("/v1/routes?tag=x&limit=2&cursor={next}");
    let second = house.send(Role::Viewer, "GET", &second, Value::Null).await.expect(200);
    assert_eq!((second.names(), &second.body["next"]), (vec!["b2"], &Value::Null));
    for query in ["limit=0", "limit=501", "colour=red", "environment=No!"] {
        house.send(Role::Viewer, "GET", &format!("/v1/routes?{query}"), Value::Null).await.expect(422);
    }
}

#[tokio::test]
async fn a_route_may_be_called_like_the_action_beside_it() {
    let house = house().await;
    let mut body = payments();
    body["name"] = json!("replace-secret");
    let reply = create(&house, body).await;
    let path = reply.header("location").to_owned();
    house.send(Role::Admin, "GET", &path, Value::Null).await.expect(200);
    house.send(Role::Admin, "PATCH", &path, json!({"description": "x"})).await.expect(200);
    house.send(Role::Admin, "PUT", &path, payments()).await.expect(422);
    house.send(Role::Admin, "GET", &format!("{path}/revisions"), Value::Null).await.expect(200);
    let swap = json!({"from": "stripe", "to": "stripe_v2"});
    let swapped = house.send(Role::Admin, "POST", "/v1/routes/replace-secret", swap).await.expect(200);
    assert_eq!(swapped.body["changes"].as_array().unwrap().len(), 3);
    house.send(Role::Admin, "DELETE", &path, Value::Null).await.expect(204);
}

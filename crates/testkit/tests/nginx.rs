//! The nginx of the tests: it answers, and its log holds header values byte for byte.

use testkit::wire::request;
use testkit::{Connection, Nginx};

#[test]
fn logs_the_headers_asked_for() {
    let nginx = Nginx::start(&["Authorization", "X-Partner-Key", "X-Database"]);
    let mut client = Connection::open(&nginx.url()).unwrap();
    let odd = "postgres://a:\"p\\w\"@h/d ü {};";
    let headers = [("Host", "x"), ("Authorization", "Bearer sk_1"), ("X-Database", odd), ("X-Other", "no")];
    let reply = client.call(&request("POST", "/v1/charges?a=b", &headers, b"body")).unwrap();
    assert_eq!(reply.expect(200).text(), "hello from nginx\n");
    client.call(&request("GET", "/second", &[("Host", "x")], b"")).unwrap().expect(200);

    let records = nginx.wait_for(2);
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["method"], "POST");
    assert_eq!(records[0]["uri"], "/v1/charges?a=b");
    assert_eq!(records[0]["authorization"], "Bearer sk_1");
    assert_eq!(records[0]["x-database"], odd);
    assert_eq!(records[0]["x-partner-key"], "");
    assert_eq!(records[1]["x-database"], "");
    assert!(records[0].get("x-other").is_none());
}

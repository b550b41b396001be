//! The list of codes that this listener answers with: what each means, and what to do next.

/// One code of a problem, of a broken member, or of a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The stable, kebab-case name that programs decide by.
    pub code: &'static str,
    /// The HTTP statuses under which it appears, ascending. 200 stands for the `error` in the answer to a test or a finding in
    /// that to a dry run, 201 for a warning beside what was created; 422 is also the code of a member in `errors`.
    pub statuses: &'static [u16],
    /// What it means and what to do next, as one sentence in Markdown.
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($code:literal $statuses:tt $meaning:literal;)*) => {
        /// Every code, by name. A test holds this list against the places in the sources that give codes out.
        pub const CODES: &[Code] = &[$(Code { code: $code, statuses: &$statuses, meaning: $meaning }),*];
    };
}

codes! {
    "action-not-possible" [409]
        "The rotation is in a state in which that cannot be done: `state` names it, and `possible` what can be done instead.";
    "allowed-hosts-empty" [422]
        "An empty list allows no host at all: leave the member out (or `null`) for all hosts, or name at least one.";
    "body-broken" [400] "The body did not arrive whole: send the request again.";
    "body-not-json" [400, 422]
        "The body is not JSON or, in a test of a route that adds members to it, not a JSON object: correct it.";
    "canary-invalid" [422]
        "The shares of a canary do not rise, or are none or too many: give each greater than the one before.";
    "certificate-invalid" [422]
        "The text is no certificate in PEM that can be trusted: give it whole, with its BEGIN and END lines.";
    "certificate-unusable" [201]
        "The value is not a chain and its private key in PEM, so that no upstream can be shown it: if that is what it is \
         for, create a successor with both.";
    "client-names-invalid" [422]
        "The names say nothing that a certificate could be held against: correct them as `detail` says.";
    "client-not-found" [404] "There is no such client: take the name in `did_you_mean`, or list the clients.";
    "connection-invalid" [422]
        "This is not a place to log in to: write it like `postgres://app@db1:5432/prod`, without a password.";
    "connections-empty" [422] "The probe names no database to log in to: give at least one connection.";
    "cursor-invalid" [422]
        "This list gave out no such cursor: take `next` of the page before, with the same order, or begin without one.";
    "database-unavailable" [503]
        "The database does not answer, while traffic goes on: wait as `Retry-After` says, and look whether a change \
         was made before you repeat it.";
    "days-invalid" [422] "The number of days is out of range: a calendar looks ahead for 1 to 3650 days.";
    "disk-full" [507]
        "There is no room for the change, and nothing was changed: free some space where the database is, and \
         try again.";
    "duration-invalid" [422]
        "This is not a duration above zero: give an integer and a unit, such as `250ms`, `30s` or `48h`.";
    "endpoint-not-found" [404] "No endpoint has this address: `/openapi.json` lists all of them.";
    "environment-in-use" [409] "The environment is named by what `detail` lists: take it out there first.";
    "environment-is-default" [409] "One environment is always the default: make another one the default first.";
    "environment-left-out" [200]
        "In a dry run of a rotation: the plan leaves this environment out, so that the outgoing secret stays in use there.";
    "environment-not-found" [404, 422]
        "There is no such environment: take the name in `did_you_mean`, or create the environment first.";
    "environment-not-in-plan" [422]
        "A member is given for an environment that the plan does not have: leave it out, or add the environment.";
    "environment-twice" [422] "The environment is named twice: name each once.";
    "environments-empty" [422]
        "An empty list names no environment: name at least one or, where all may be meant, leave the member out.";
    "environments-missing" [422] "The plan names no environment: name at least one, or leave the member out for all.";
    "environments-out-of-order" [422]
        "The environments are not in the order of their ranks: what is tested goes before what is protected.";
    "expires-inside-plan" [200]
        "In a dry run of a rotation: a secret ends before the rotation can be over, so shorten the plan or give it more time.";
    "handing-over" [503]
        "Another process is taking over from this one, and nothing was changed: try again in a second, on a new connection.";
    "header-invalid" [422] "No header has such a name or value: correct it.";
    "header-not-injectable" [422]
        "The header belongs to the connection, to the message's frame or to Keyroll: put the value elsewhere.";
    "header-twice" [422] "Two of the names are one header to many servers: keep one of them.";
    "host-invalid" [422]
        "This is not a host that may stand here: give a name in lower case without scheme, port and path, and for \
         `hosts` of a route neither an address nor `localhost`, by which the gateway itself is reached.";
    "host-taken" [409] "The host leads to another route already: take it out there first.";
    "idempotency-key-invalid" [400] "The `Idempotency-Key` cannot be used: give 1 to 255 visible ASCII characters.";
    "idempotency-key-reused" [422]
        "The `Idempotency-Key` came with a different request before: take a new one for a new request.";
    "incoming-named-beside-outgoing" [422]
        "A route names both secrets in one environment, so that a roll back could not tell which mention was whose: \
         rotate to another secret.";
    "internal" [500] "Something failed inside: the log has the cause under the `request_id`.";
    "judgement-invalid" [422] "A rule of what counts as alive or dead cannot be read: correct it as `detail` says.";
    "key-not-found" [404] "The client has no key of this id: read the client for the ids of its keys.";
    "kind-differs" [200] "In a dry run of a rotation: the two secrets are not of one kind, so look whether that is meant.";
    "limit-invalid" [422]
        "The limit is out of range: a page has 1 to 500 items, and a limit of bodies is at least 1 byte.";
    "low-traffic" [200]
        "In a dry run of a rotation: there are too few requests to judge by in the first step, so that it takes longer, \
         unless there is a probe.";
    "member-invalid" [422] "The member has the wrong shape: give what `detail` expects.";
    "member-missing" [422] "The member is required: add it.";
    "member-repeated" [422] "The member is given twice: keep one of the two.";
    "member-unknown" [422] "There is no such member: take one that `detail` names, or leave it out.";
    "members-invalid" [422] "Several members break a rule: `errors` has each with its own code.";
    "method-invalid" [422]
        "This is not a method that can be used here: give one in capitals, neither CONNECT nor TRACE.";
    "method-not-allowed" [405, 422]
        "The address or, in a test, the route does not take this method: use one of the `Allow` header or of \
         the route.";
    "name-immutable" [422]
        "A route keeps its name: leave the member out, or create a route of the other name and delete this one.";
    "name-invalid" [422] "The name breaks the rules of its kind: `detail` says which characters may stand where.";
    "name-repeated" [422] "The name is in the list already: give each name once.";
    "name-taken" [409] "Something of this kind already has the name: choose another one.";
    "names-count" [422] "The list does not hold 1 to 500 names: send a longer one in parts.";
    "network-invalid" [422] "This is neither an address nor a network: write it like `10.0.0.7` or `10.0.0.0/8`.";
    "node-is-live" [409] "The node was heard from within the last seconds: stop it, and it says so by itself.";
    "node-not-found" [404] "There is no such node: list the nodes, stopped ones are forgotten after a week.";
    "not-attempted" [503]
        "In the answer to a deletion of several: time ran out and nothing happened to this secret, so ask again \
         for it.";
    "not-referenced" [200] "In a dry run of a rotation: no route names the outgoing secret, so that nothing is re-pointed.";
    "note-missing" [422] "The note says what was done, or why a step does not apply: give it.";
    "outcome-unknown" [200, 503]
        "The connection to the database broke in the middle of a commit, or (in the repetition of a test of a route) the \
         end of the first request was not written down: look whether the change is there or into the audit, or send the \
         request again with the same `Idempotency-Key`.";
    "path-invalid" [400, 422] "The path can be read in more than one way or not at all: write it plainly, as `detail` says.";
    "path-not-allowed" [422] "The route does not pass this path on: test one that its `paths` allow.";
    "permission-denied" [403] "The role of the token is not enough: use a token with the role that `detail` names.";
    "plan-note" [200] "In a dry run of a rotation: something about the plan that is good to know.";
    "precondition-failed" [412] "It was changed since you read it: read it again for its `ETag`, and decide anew.";
    "probe-invalid" [409] "The secret's probe cannot be sent as it stands: correct it as `detail` says.";
    "probe-missing" [409]
        "There is nothing to try the secret with: give it a probe, or a probe to a route that names it.";
    "query-invalid" [422] "The query string cannot be read: `/openapi.json` lists the parameters of each endpoint.";
    "rank-invalid" [422] "The rank is out of range: give a whole number from 0 to 1000000.";
    "rate-limit-invalid" [422]
        "The rate cannot be counted: `requests` and `burst` are at least 1, `per` at least `1ms`.";
    "rate-limited" [429] "The secret was compared too often lately: wait as `Retry-After` says.";
    "reason-missing" [422] "The reason stands in the audit: give `reason`, for a forced deletion and for an operator's word.";
    "request-timeout" [408] "The body did not arrive in time, and nothing was done: send the request again.";
    "request-too-large" [413, 422]
        "The body is longer than the API or, in a test, the route takes: send less, or raise the route's \
         `max_request_body`.";
    "revision-not-found" [404] "The route has no such revision to go back to: list its revisions.";
    "role-invalid" [422] "There is no such job: ask for `all`, `gateway` or `control`.";
    "role-not-served" [503] "The node does not do that job: ask a node whose role is `all` or the one that is asked for.";
    "rotation-in-progress" [409]
        "The secret is being replaced, or is yet on its way into the place of another: `rotation` is the one to wait for.";
    "rotation-not-found" [404, 422] "There is no such rotation: list the rotations.";
    "rotation-shares-route" [200]
        "In a dry run of a rotation: another one is in the same route, and only one of them has a canary there at a time.";
    "route-in-use" [409] "Clients may use the route by its name: take it out of what `detail` lists first.";
    "route-invalid" [422] "The route cannot be put together in this environment: correct it as `detail` says.";
    "route-not-found" [404, 422] "There is no such route: take the name in `did_you_mean`, or list the routes.";
    "route-not-served-in-environment" [422]
        "The route is not served in this environment: test it in one that it has, or add the environment to it.";
    "routes-empty" [422] "The client may use no route at all: name at least one, or give `[\"*\"]` for all.";
    "routes-invalid" [422] "`*` means all routes and stands alone: give it without others, or give names without it.";
    "row-tampered" [409] "Somebody changed a stored row outside Keyroll, and it is not used: delete it and make it anew, or restore a backup.";
    "rule-invalid" [422] "A rule of how answers are judged cannot be read: correct it as `detail` says.";
    "rule-unknown" [422] "There is no such rule of lint: take the name in `did_you_mean`, or one of the reference.";
    "same-value" [200] "In a dry run of a rotation: both secrets have one value, so that nothing would be replaced.";
    "secret-being-replaced" [409]
        "The route would begin to name a secret that is on its way out: name the one in `did_you_mean`.";
    "secret-expired" [409]
        "A secret of the route has expired and is strict about it: point the route to a successor, or give a \
         later `expires_at`.";
    "secret-in-retention" [409]
        "A route named the secret within the retention: wait until `deletable_at`, or have an administrator force it.";
    "secret-in-rotation" [409]
        "The secret is part of the rotation in `rotation`: wait for it, or abandon it or roll it back.";
    "secret-is-deleted" [409] "The value was destroyed and does not come back: create a secret under another name.";
    "secret-is-referenced" [409] "Routes name the secret: point what `references` lists elsewhere first.";
    "secret-kind-wrong" [422] "A certificate is wanted here: name a secret of the kind `certificate`.";
    "secret-name-taken" [409] "A secret's name is never used twice: take the free name that `detail` proposes.";
    "secret-not-allowed" [409, 422]
        "The limits of a secret do not allow this environment or upstream: change the route or the secret's limits.";
    "secret-not-allowed-for-host" [409, 422]
        "The `allowed_hosts` of a secret do not allow the host: send it elsewhere, or add the host to the secret.";
    "secret-not-allowed-in-environment" [409, 422]
        "The `environments` of a secret do not hold this one: use another secret here, or add the environment to it.";
    "secret-not-found" [404, 409, 422]
        "There is no such secret, or its value was destroyed: take the name in `did_you_mean`, or create the \
         secret first.";
    "secret-recently-used" [409]
        "The secret was sent within the retention: wait until `deletable_at`, or have an administrator force it.";
    "secret-same" [422] "The secret would be replaced by itself: name another one in `to`.";
    "secret-unusable" [409, 422]
        "The stored value cannot be opened, or may not stand where the route puts it: create a successor, and point \
         the routes to it.";
    "secret-value-is-immutable" [409]
        "A value is written once: create a successor under the name that `detail` proposes, and point the \
         routes to it.";
    "sibling-ended" [200]
        "In a dry run of a rotation: the one that has to go first has ended without getting there, so this one never begins.";
    "step-invalid" [422] "The step is not a whole number of minutes: give one such as `1m` or `1h`.";
    "step-too-short" [422] "The span would have more than 10000 steps: give a longer `step`, or less time.";
    "step-unknown" [422] "The checklist has no such step: read the rotation for the words of its steps.";
    "surrounding-white-space" [201]
        "The value begins or ends with white space and was taken so: if that was a slip, create a successor \
         without it.";
    "tag-invalid" [422] "The label is empty, too long or has a control character: correct it as `detail` says.";
    "tags-too-many" [422] "A secret has at most 50 labels: leave some out.";
    "template-invalid" [422] "The template cannot be read or may not stand here: `detail` has the rule and the column.";
    "text-invalid" [422]
        "The text holds a control character, such as NUL or escape, or a line break where one line belongs: leave it out.";
    "text-too-long" [422] "The text is longer than 4096 bytes: shorten it.";
    "time-invalid" [422] "This is not a moment in RFC 3339: write it like `2026-11-23T14:12:00Z`.";
    "time-order" [422] "The span ends before it begins: give a `from` that is before `to`.";
    "time-past" [422] "The moment lies in the past, so that the token would never be valid: give a later one.";
    "timeout-invalid" [422] "A time-out is between `1ms` and `24h`: give one in that range.";
    "tls-required" [422] "A certificate is shown over TLS alone: give the upstream as `https://`, or leave the member out.";
    "token-invalid" [401]
        "The token is missing, unknown, expired or revoked: send `Authorization: Bearer krt_…` with a live one.";
    "token-not-found" [404] "There is no such token: take the name in `did_you_mean`, or list the tokens.";
    "too-many-keys" [409] "The client has all the live keys that it may have: revoke one first.";
    "unjudgeable-route" [200]
        "In a dry run of a rotation: nothing can tell here whether the incoming credential works, so give the route a probe \
         or a rule for dead answers, or advance by hand.";
    "upstream-invalid" [422] "This is no upstream that requests may go to: correct it as `detail` says.";
    "used-across-environments" [200]
        "In a dry run of a rotation: a protected environment shares the secret with one that is not, so use one for each.";
    "value-empty" [422] "The value is empty: give 1 byte to 64 KiB.";
    "value-has-line-break" [422]
        "Values of this kind go into headers and have no line break: remove it, or choose the kind \
         `certificate` or `other`.";
    "value-has-nul" [422] "The value contains NUL, which no protocol carries safely: remove it.";
    "value-not-allowed-here" [422]
        "The value of a secret may not stand where the route puts it: use another secret, or put it elsewhere.";
    "value-short" [201]
        "The value is under 8 bytes and is not looked for in answers: ask the provider for a longer one, if it \
         has any.";
    "value-too-long" [422] "The value is longer than 64 KiB: give a shorter one.";
    "weight-invalid" [422] "This is no share of the traffic: give a percentage above 0% and up to 100%, such as `5%`.";
}

//! Logins at services of others, on the real JupyterHub with the real oauthenticator.
//!
//! The service itself cannot run here: for two of them it is seen where people are sent; of the third, a small
//! stand-in answers as OpenID Connect has it, so that whole logins are tried.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::{Fault, Running, can_be_had};
use crate::common::TestEnv;

const SECRET: &str = "the secret of the client 0123";

/// A JupyterHub whose site file has these lines, and the environment that it was rendered in.
fn hub(site: &str) -> Option<(TestEnv, Running)> {
    if !can_be_had() {
        return None;
    }
    let env = TestEnv::with_site(format!("profile: kind\n{site}"));
    env.write("client.txt", format!("{SECRET}\n"));
    env.ok(&["secrets", "set", "login-client-secret", "--from-file", "client.txt", "-n", "jhub"]);
    env.ok(&["render", "jupyterhub"]);
    let running = Running::up(env.root().join("apps"), &env.path("jhub"), &Fault::default())?;
    Some((env, running))
}

/// A browser, as far as cookies and redirects go.
#[derive(Default)]
struct Browser(Vec<(String, String)>);

struct Answer {
    status: u16,
    location: String,
    body: String,
}

impl Browser {
    fn get(&mut self, url: &str) -> Answer {
        let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let cookies: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut answer =
            Answer { status: head[9..12].parse().unwrap(), location: String::new(), body: body.to_owned() };
        for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
            if name.eq_ignore_ascii_case("location") {
                value.clone_into(&mut answer.location);
            } else if name.eq_ignore_ascii_case("set-cookie") {
                let (name, value) = value.split(';').next().unwrap().split_once('=').unwrap();
                self.0.retain(|(known, _)| known != name);
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }
}

/// A part of a query, decoded.
fn part(url: &str, name: &str) -> String {
    let query = url.split_once('?').unwrap().1;
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default();
    let mut out = Vec::new();
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |one: Option<u8>| u8::try_from(char::from(one.unwrap()).to_digit(16).unwrap()).unwrap();
        out.push(match byte {
            b'%' => hex(bytes.next()) * 16 + hex(bytes.next()),
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn people_are_sent_to_github_and_the_rest_is_tested_without_them() {
    let site = "login:
  authenticator: github
  clientId: 0123456789abcdefabcd
  allowedOrganizations: [my-lab]
https: {host: hub.example.org, contactEmail: a@example.org}
";
    let Some((env, running)) = hub(site) else { return };
    let sent = Browser::default().get(&format!("{}/hub/oauth_login", running.url));
    assert_eq!(sent.status, 302, "{}", sent.body);
    assert!(sent.location.starts_with("https://github.com/login/oauth/authorize?"), "{}", sent.location);
    assert_eq!(part(&sent.location, "client_id"), "0123456789abcdefabcd");
    assert_eq!(part(&sent.location, "redirect_uri"), "https://hub.example.org/hub/oauth_callback");
    assert_eq!(part(&sent.location, "scope"), "read:org");
    let page = Browser::default().get(&format!("{}/hub/login", running.url));
    assert!(page.body.contains("GitHub") && !page.body.contains("type=\"password\""), "{}", page.body);

    let run = env.run(&["test", "jupyterhub", "--url", &running.url]);
    assert_eq!(run.code, Some(0), "{run}");
    let words = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("skipped log-in people log in by GitHub, which only a person can"), "{run}");
    assert!(run.stdout.contains("ok       kernel"), "{run}");
}

#[test]
fn people_are_sent_to_cilogon_for_the_places_named() {
    let site = "login:
  authenticator: cilogon
  clientId: 'cilogon:/client_id/1'
  identityProviders:
    - {entityId: 'https://idp.example.org/shibboleth', usernameClaim: eppn, stripDomain: example.org, allowAll: true}
    - {entityId: 'https://github.com/login/oauth/authorize', usernameClaim: preferred_username, prefix: github}
loadBalancer: {serviceType: LoadBalancer, address: 192.0.2.7}
";
    let Some((_env, running)) = hub(site) else { return };
    let sent = Browser::default().get(&format!("{}/hub/oauth_login", running.url));
    assert!(sent.location.starts_with("https://cilogon.org/authorize?"), "{} {}", sent.status, sent.body);
    assert_eq!(part(&sent.location, "client_id"), "cilogon:/client_id/1");
    assert_eq!(part(&sent.location, "redirect_uri"), "http://192.0.2.7/hub/oauth_callback");
    let places = part(&sent.location, "selected_idp");
    assert_eq!(places, "https://idp.example.org/shibboleth,https://github.com/login/oauth/authorize");
}

/// A login service: whoever comes with the code `NAME` is NAME, of the groups that are in it. Gives its address,
/// and what it was asked.
fn service() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (head, body) = read(&stream);
            noted.lock().unwrap().push(format!("{head}\n{body}"));
            let answer = if head.starts_with("POST /token") {
                let code = part(&format!("?{body}"), "code");
                format!("{{\"access_token\": \"{code}\", \"token_type\": \"Bearer\"}}")
            } else {
                let token = head.lines().find_map(|line| line.split_once("Bearer ")).unwrap().1;
                let (name, group) = token.split_once('-').unwrap();
                format!("{{\"sub\": \"1\", \"preferred_username\": \"{name}\", \"entitled\": [\"{group}\"]}}")
            };
            let length = answer.len();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n");
            let _ = write!(&stream, "{head}Connection: close\r\n\r\n{answer}");
        }
    });
    (address, asked)
}

fn read(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

#[test]
fn only_members_of_the_groups_get_in_through_a_login_service() {
    let (service, asked) = service();
    // Its addresses are http, which settings refuse.
    let site = format!(
        "login:
  authenticator: generic-oauth
  clientId: my-hub
  allowedUsers: [carol]
  allowedGroups: [science]
  adminGroups: [ops]
  oauth: {{provider: keycloak, issuer: 'https://sso.example.org/realms/lab', groupsClaim: entitled}}
values:
  jupyterhub:
    hub:
      config:
        GenericOAuthenticator: {{token_url: '{service}/token', userdata_url: '{service}/userinfo'}}
"
    );
    let Some((_env, running)) = hub(&site) else { return };
    let url = &running.url;
    let log_in = |code: &str| {
        let mut browser = Browser::default();
        let sent = browser.get(&format!("{url}/hub/oauth_login"));
        let to = &sent.location;
        assert!(to.starts_with("https://sso.example.org/realms/lab/protocol/openid-connect/auth?"), "{to}");
        assert_eq!((part(to, "client_id"), part(to, "scope")), ("my-hub".into(), "openid profile email".into()));
        let back = part(to, "redirect_uri");
        assert_eq!(back, format!("{url}/hub/oauth_callback"), "without a name, as the browser came");
        let state = to.split('&').find(|part| part.contains("state=")).unwrap();
        let back = browser.get(&format!("{back}?code={code}&state={}", state.split_once("state=").unwrap().1));
        let admin = browser.get(&format!("{url}/hub/admin")).status;
        (back.status, browser.get(&format!("{url}/hub/home")).status, admin)
    };
    assert_eq!(log_in("ada-science"), (302, 200, 403), "of a group that may");
    assert_eq!(log_in("carol-other"), (302, 200, 403), "by name");
    assert_eq!(log_in("grace-ops"), (302, 200, 200), "of a group of admins");
    let (status, home, _) = log_in("mallory-other");
    assert_eq!((status, home), (403, 302), "neither");
    let asked = asked.lock().unwrap();
    let token = asked.iter().find(|request| request.starts_with("POST /token")).unwrap();
    let secret = part(&format!("?{}", token.lines().last().unwrap()), "client_secret");
    assert_eq!(secret, SECRET, "the ledger's");
}

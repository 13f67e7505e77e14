//! Speaks the registry's publishing interface. Sends the token to one address only, follows no
//! redirect, and reads no more of an answer than such an answer may have.

use std::time::{Duration, Instant};

use newleaf_domain::Namespace;
use newleaf_registry_api::{
    CONTENT_DIGEST, ClaimNamespace, Code, ContentDigest, NamespaceEntry, Problem, PublishedRole,
    RoleTag, Secret, Submission, SubmissionState, path,
};
use newleaf_trust::PublicKey;
use newleaf_trust::role::Threshold;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, redirect};
use serde::de::DeserializeOwned;

use super::RegistryError;
use crate::release::Upload;

/// Time to make a connection: as long as a host waits for its repository.
const CONNECT: Duration = Duration::from_secs(10);
/// Time without a byte. A registry answers a role when hosts can see it: a batch of 5 to 10 s.
const STALL: Duration = Duration::from_mins(1);
/// The largest answer: a role has at most 1 MiB.
const MAX_ANSWER: usize = 1 << 20;
/// How long a submission is asked after, and how often it and a rival's role are.
const PATIENCE: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(500);

/// One registry, with the right to publish.
#[derive(Debug)]
pub(crate) struct Registry {
    base: Url,
    token: Secret,
    client: Client,
}

/// What became of a role that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Submitted {
    /// Hosts can see it.
    Published,
    /// Somebody else published in between.
    Conflict,
}

impl Registry {
    /// The registry at `url`, for which `token` was given out.
    pub(crate) fn new(url: &str, token: &str) -> Result<Self, RegistryError> {
        let address = |reason: String| RegistryError::Address { url: url.to_owned(), reason };
        let base = Url::parse(url).map_err(|error| address(error.to_string()))?;
        match base.scheme() {
            "https" => {}
            "http" if is_this_machine(&base) => {}
            "http" => return Err(RegistryError::Unencrypted { url: url.to_owned() }),
            other => return Err(address(format!("{other} is neither https nor http"))),
        }
        let token = Secret::parse(token.trim()).map_err(RegistryError::Token)?;
        // The process-wide choice can be made once; that it was made before is as good.
        let _: Result<(), _> = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(STALL)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("newleaf-sdk/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|source| RegistryError::NoAnswer { url: url.to_owned(), source })?;
        Ok(Self { base, token, client })
    }

    /// The namespace as the registry knows it; none where nobody has it.
    pub(crate) async fn namespace(
        &self,
        namespace: &Namespace,
    ) -> Result<Option<NamespaceEntry>, RegistryError> {
        let answer = self.send(self.request(Method::GET, &path::namespace(namespace))?).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        answer.accept(&[StatusCode::OK])?.json().map(Some)
    }

    /// Claims `namespace` for `key`.
    pub(crate) async fn claim(
        &self,
        namespace: &Namespace,
        key: PublicKey,
    ) -> Result<NamespaceEntry, RegistryError> {
        let claim = ClaimNamespace {
            namespace: namespace.clone(),
            keys: vec![key],
            threshold: Threshold::ONE,
        };
        let request = self.request(Method::POST, path::NAMESPACES)?;
        let answer = self.send(request.json(&claim)).await?;
        answer.accept(&[StatusCode::OK, StatusCode::CREATED])?.json()
    }

    /// The current role and its version; version 0 and nothing before the first.
    pub(crate) async fn role(
        &self,
        namespace: &Namespace,
    ) -> Result<(RoleTag, Option<Vec<u8>>), RegistryError> {
        let answer = self.send(self.request(Method::GET, &path::role(namespace))?).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok((RoleTag(0), None));
        }
        let answer = answer.accept(&[StatusCode::OK])?;
        let tag = answer.tag.as_deref().map(RoleTag::parse);
        match tag {
            Some(Ok(tag)) => Ok((tag, Some(answer.body))),
            Some(Err(error)) => Err(answer.unexpected(error.to_string())),
            None => Err(answer.unexpected("without the role's version in ETag")),
        }
    }

    /// Waits until the namespace's role is another than `seen`, for at most `patience`: a rival's
    /// role that came first takes effect with the registry's next batch.
    pub(crate) async fn await_other_role(
        &self,
        namespace: &Namespace,
        seen: RoleTag,
        patience: Duration,
    ) -> Result<(), RegistryError> {
        let begun = Instant::now();
        while self.role(namespace).await?.0 == seen && begun.elapsed() < patience {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Sends one file of a release to be kept aside.
    pub(crate) async fn upload(&self, upload: &Upload) -> Result<(), RegistryError> {
        let request = self
            .request(Method::PUT, &path::target(&upload.file))?
            .header(CONTENT_DIGEST, ContentDigest(upload.hashes.sha256).to_string())
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(upload.bytes.clone());
        let answer = self.send(request).await?;
        answer.accept(&[StatusCode::OK, StatusCode::CREATED, StatusCode::NO_CONTENT])?;
        Ok(())
    }

    /// Sends the role that follows `tag`; returns when hosts can see it, or when it came too late.
    pub(crate) async fn submit(
        &self,
        namespace: &Namespace,
        tag: RoleTag,
        role: Vec<u8>,
    ) -> Result<Submitted, RegistryError> {
        let request = self
            .request(Method::PUT, &path::role(namespace))?
            .header(IF_MATCH, tag.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(role);
        let answer = self.send(request).await?;
        if answer.status == StatusCode::CONFLICT {
            let problem = answer.problem();
            let is_late = matches!(&problem, RegistryError::Refused { problem } if problem.code == Code::VersionConflict);
            return if is_late { Ok(Submitted::Conflict) } else { Err(problem) };
        }
        let accepted = [StatusCode::OK, StatusCode::CREATED, StatusCode::ACCEPTED];
        let answer = answer.accept(&accepted)?;
        if answer.status != StatusCode::ACCEPTED {
            answer.json::<PublishedRole>()?;
            return Ok(Submitted::Published);
        }
        self.await_decision(answer.json::<Submission>()?).await
    }

    /// Asks after a submission until it is decided.
    async fn await_decision(&self, mut submission: Submission) -> Result<Submitted, RegistryError> {
        let begun = Instant::now();
        loop {
            match submission.state {
                SubmissionState::Published => return Ok(Submitted::Published),
                SubmissionState::Rejected => return rejected(submission),
                SubmissionState::Validating | SubmissionState::Accepted => {}
            }
            if begun.elapsed() > PATIENCE {
                let (id, seconds) = (submission.id, PATIENCE.as_secs());
                return Err(RegistryError::Undecided { id, seconds });
            }
            tokio::time::sleep(PAUSE).await;
            let request = self.request(Method::GET, &path::submission(submission.id))?;
            submission = self.send(request).await?.accept(&[StatusCode::OK])?.json()?;
        }
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, RegistryError> {
        let prefix = self.base.path().trim_end_matches('/');
        let mut url = self.base.clone();
        url.set_path(&format!("{prefix}{path}"));
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", self.token.reveal()))
            .map_err(|_| RegistryError::Address {
                url: url.to_string(),
                reason: "the token cannot be put into a header".to_owned(),
            })?;
        bearer.set_sensitive(true);
        Ok(self.client.request(method, url).header(AUTHORIZATION, bearer))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, RegistryError> {
        let no_answer = |source: reqwest::Error| RegistryError::NoAnswer {
            url: source.url().map_or_else(|| self.base.to_string(), Url::to_string),
            source,
        };
        let mut response = request.send().await.map_err(no_answer)?;
        let tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let mut answer = Answer {
            url: response.url().to_string(),
            status: response.status(),
            tag,
            body: Vec::new(),
        };
        read_body(&mut response, &mut answer, no_answer).await?;
        Ok(answer)
    }
}

async fn read_body(
    response: &mut Response,
    answer: &mut Answer,
    no_answer: impl Fn(reqwest::Error) -> RegistryError,
) -> Result<(), RegistryError> {
    while let Some(chunk) = response.chunk().await.map_err(&no_answer)? {
        if answer.body.len() + chunk.len() > MAX_ANSWER {
            return Err(answer.unexpected("with more than 1 MiB"));
        }
        answer.body.extend_from_slice(&chunk);
    }
    Ok(())
}

fn rejected(submission: Submission) -> Result<Submitted, RegistryError> {
    let detail = format!("submission {} was rejected without a reason", submission.id);
    let problem = submission.problem.unwrap_or_else(|| Problem::new(Code::RoleRefused, detail));
    if problem.code == Code::VersionConflict {
        return Ok(Submitted::Conflict);
    }
    Err(RegistryError::Refused { problem: Box::new(problem) })
}

/// An answer that was read to its end.
#[derive(Debug)]
struct Answer {
    url: String,
    status: StatusCode,
    tag: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    /// The answer, if its status is one of `statuses`; else what it says is wrong.
    fn accept(self, statuses: &[StatusCode]) -> Result<Self, RegistryError> {
        if statuses.contains(&self.status) { Ok(self) } else { Err(self.problem()) }
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, RegistryError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            self.unexpected(format!("with a body that is not understood: {error}"))
        })
    }

    /// The problem in the body (RFC 9457), or that there is none.
    fn problem(&self) -> RegistryError {
        match serde_json::from_slice::<Problem>(&self.body) {
            Ok(problem) => RegistryError::Refused { problem: Box::new(problem) },
            Err(_) => self.unexpected("without saying why"),
        }
    }

    fn unexpected(&self, what: impl Into<String>) -> RegistryError {
        let (url, status) = (self.url.clone(), self.status.as_u16());
        RegistryError::Unexpected { url, status, what: what.into() }
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "newleaf_0000000000000000000000000000000000000000000000000000000000000000";

    #[test]
    fn a_token_is_sent_unencrypted_to_this_machine_only() {
        for url in [
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "http://localhost",
            "https://example.com",
        ] {
            assert!(Registry::new(url, TOKEN).is_ok(), "{url} was refused");
        }
        let refused = Registry::new("http://registry.example.com", TOKEN).unwrap_err();
        assert!(matches!(refused, RegistryError::Unencrypted { .. }), "{refused}");
    }

    #[test]
    fn a_path_before_the_registrys_own_is_kept() {
        let registry = Registry::new("https://example.com/registry/", TOKEN).unwrap();
        let acme = Namespace::parse("acme").unwrap();
        let request = registry.request(Method::GET, &path::role(&acme)).unwrap().build().unwrap();
        assert_eq!(
            request.url().as_str(),
            "https://example.com/registry/api/v1/roles/pub.acme.json"
        );
    }
}

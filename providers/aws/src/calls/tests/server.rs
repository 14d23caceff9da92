//! A server that answers in order what it was told, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::super::{Calls, Counters, Pace, Settings, connect};

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    Answer(u16, String),
    /// It closes the connection without a word.
    HangUp,
    /// It says nothing and keeps the connection.
    Silence,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// `POST / HTTP/1.1`
    pub(super) line: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| &**value)
    }

    /// Parameters of a form, decoded, `Version` left out.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        let pair = |it: &str| {
            let (name, value) = it.split_once('=').unwrap();
            (decoded(name), decoded(value))
        };
        let pairs = self.body.split('&').map(pair);
        pairs.filter(|(name, _)| name != "Version").collect()
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                let digits = std::str::from_utf8(&digits).unwrap().to_owned();
                decoded.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            other => decoded.push(other),
        }
    }
    String::from_utf8(decoded).unwrap()
}

#[derive(Debug, Default)]
struct State {
    replies: VecDeque<Reply>,
    asked: Vec<Asked>,
}

#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) url: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// Answers these one after another, then 404.
    pub(super) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            replies: replies.into_iter().collect(),
            asked: Vec::new(),
        }));
        let inside = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, inside.clone()));
            }
        });
        Self { url, state }
    }

    /// Answers these documents, each with success.
    pub(super) async fn answering(documents: &[&str]) -> Self {
        let answer = |it: &&str| Reply::Answer(200, (*it).to_owned());
        Self::start(documents.iter().map(answer)).await
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    /// The forms that came, decoded.
    pub(super) fn forms(&self) -> Vec<Vec<(String, String)>> {
        self.asked().iter().map(Asked::form).collect()
    }

    /// Calls that end here.
    pub(super) async fn calls(&self) -> Calls {
        self.calls_at(Pace::unlimited()).await
    }

    pub(super) async fn calls_at(&self, pace: Pace) -> Calls {
        calls_to(&self.url, pace, Counters::default()).await
    }
}

pub(super) async fn calls_to(url: &str, pace: Pace, counters: Counters) -> Calls {
    let settings = Settings {
        region: Some("eu-west-1".into()),
        vpc: Some("vpc-1".into()),
        endpoint: Some(url.to_owned()),
        imds: None,
    };
    let credentials = Credentials::new("AKID", "secret", Some("token".into()), None, "test");
    let credentials = SharedCredentialsProvider::new(credentials);
    connect(settings, pace, Some(credentials), counters)
        .await
        .unwrap()
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = read(&mut stream).await {
        let reply = {
            let mut state = state.lock().unwrap();
            state.asked.push(asked);
            let nothing = || Reply::Answer(404, String::new());
            state.replies.pop_front().unwrap_or_else(nothing)
        };
        match reply {
            Reply::Answer(status, body) => {
                let head = format!(
                    "HTTP/1.1 {status} Status\r\ncontent-type: text/xml\r\n\
                     x-amzn-requestid: req-1\r\n\
                     x-aws-ec2-metadata-token-ttl-seconds: 21600\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                stream.write_all(head.as_bytes()).await.unwrap();
                stream.write_all(body.as_bytes()).await.unwrap();
            }
            Reply::HangUp => return,
            Reply::Silence => std::future::pending().await,
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    if stream.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok()?;
        match header.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Asked {
        line: line.trim_end().to_owned(),
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}

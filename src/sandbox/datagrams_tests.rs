use super::*;
use crate::sandbox::routes::Endpoints;

/// Longest that anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A node port that leads to these endpoints.
struct NodePort {
    address: SocketAddr,
    route: watch::Sender<Arc<Route>>,
    _task: AbortOnDropHandle<()>,
}

impl NodePort {
    async fn start(endpoints: &[&UdpSocket], idle: Duration) -> Self {
        let socket = socket().await;
        let address = socket.local_addr().unwrap();
        let (route, routes) = watch::channel(leading_to(endpoints));
        let flows = Flows::new(socket, routes, idle);
        Self {
            address,
            route,
            _task: AbortOnDropHandle::new(tokio::spawn(flows.run())),
        }
    }
}

fn leading_to(endpoints: &[&UdpSocket]) -> Arc<Route> {
    let address = |socket: &&UdpSocket| socket.local_addr().unwrap();
    Arc::new(Route::Forward(Endpoints {
        addresses: endpoints.iter().map(address).collect(),
        keeps_client: false,
        allowed: Vec::new(),
    }))
}

async fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}

async fn client(port: &NodePort) -> UdpSocket {
    let client = socket().await;
    client.connect(port.address).await.unwrap();
    client
}

/// What comes next, and from whom.
async fn heard(socket: &UdpSocket) -> (String, SocketAddr) {
    let mut buffer = [0; 64];
    let received = tokio::time::timeout(PATIENCE, socket.recv_from(&mut buffer));
    let (length, from) = received.await.expect("something comes").unwrap();
    (
        String::from_utf8_lossy(&buffer[..length]).into_owned(),
        from,
    )
}

/// Waits until one of these flows has ended, and counts: its socket is closed, so that anybody can
/// have its address.
async fn until_over(flows: &[SocketAddr]) -> usize {
    let start = Instant::now();
    loop {
        let is_over = |flow: &&SocketAddr| std::net::UdpSocket::bind(flow).is_ok();
        let over = flows.iter().filter(is_over).count();
        if over > 0 {
            return over;
        }
        assert!(start.elapsed() < PATIENCE, "no flow ends");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_flow_stays_with_its_endpoint_and_answers_come_back() {
    let (one, other) = (socket().await, socket().await);
    let port = NodePort::start(&[&one], IDLE).await;
    let client = client(&port).await;
    client.send(b"a").await.unwrap();
    let (_, flow) = heard(&one).await;
    // Another that is there from now on takes nothing from a flow that goes on.
    port.route.send_replace(leading_to(&[&other, &one]));
    for word in ["b", "c", "d"] {
        client.send(word.as_bytes()).await.unwrap();
        assert_eq!(heard(&one).await, (word.to_owned(), flow));
    }
    one.send_to(b"back", flow).await.unwrap();
    assert_eq!(heard(&client).await, ("back".to_owned(), port.address));
}

#[tokio::test]
async fn a_flow_whose_endpoint_is_gone_goes_to_another() {
    let (one, other) = (socket().await, socket().await);
    let port = NodePort::start(&[&one], IDLE).await;
    let client = client(&port).await;
    client.send(b"a").await.unwrap();
    heard(&one).await;
    port.route.send_replace(leading_to(&[&other]));
    client.send(b"b").await.unwrap();
    assert_eq!(heard(&other).await.0, "b");
}

#[tokio::test]
async fn an_idle_flow_ends() {
    let endpoint = socket().await;
    let port = NodePort::start(&[&endpoint], Duration::from_millis(1)).await;
    let client = client(&port).await;
    client.send(b"a").await.unwrap();
    let (_, first) = heard(&endpoint).await;
    until_over(&[first]).await;
    client.send(b"b").await.unwrap();
    assert_eq!(heard(&endpoint).await.0, "b");
}

#[tokio::test]
async fn with_no_room_for_another_flow_one_ends() {
    let endpoint = socket().await;
    let port = NodePort::start(&[&endpoint], IDLE).await;
    let mut clients = Vec::new();
    let mut flows = Vec::new();
    for _ in 0..=MOST_FLOWS {
        let client = client(&port).await;
        client.send(b"a").await.unwrap();
        flows.push(heard(&endpoint).await.1);
        clients.push(client);
    }
    assert_eq!(until_over(&flows).await, 1);
}

//! Sockets: two ports, each on both loopback addresses, served by hyper directly so that a
//! connection can be cut where a framework would insist on an answer.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use crate::front::Front;

/// How often a free pair of ports is looked for.
const PAIRS_TRIED_MAX: usize = 50;
/// How long open requests may take once the server is told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// The listeners of the two origins.
pub struct Listeners {
    pub page: Vec<TcpListener>,
    pub api: Vec<TcpListener>,
    pub page_port: u16,
    pub api_port: u16,
}

/// Takes `port` for the page and the next one for the API; with port 0 any free pair.
///
/// # Errors
/// Names the port that is taken.
pub async fn listen(host: &str, port: u16) -> Result<Listeners, String> {
    let addresses = addresses(host).await?;
    if port != 0 {
        let api_port = port
            .checked_add(1)
            .ok_or("port 65535 leaves no next one for the second origin")?;
        let page = bind(&addresses, port)
            .await
            .map_err(|error| not_bound(port, &error))?;
        let api = bind(&addresses, api_port)
            .await
            .map_err(|error| not_bound(api_port, &error))?;
        return Ok(Listeners {
            page,
            api,
            page_port: port,
            api_port,
        });
    }
    let mut last = String::new();
    for _ in 0..PAIRS_TRIED_MAX {
        match free_pair(&addresses).await {
            Ok(listeners) => return Ok(listeners),
            Err(error) => last = error.to_string(),
        }
    }
    Err(format!("no two free ports in a row: {last}"))
}

async fn free_pair(addresses: &[IpAddr]) -> io::Result<Listeners> {
    let first = addresses
        .first()
        .copied()
        .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let probe = TcpListener::bind(SocketAddr::new(first, 0)).await?;
    let page_port = probe.local_addr()?.port();
    let api_port = page_port.checked_add(1).ok_or(io::ErrorKind::AddrInUse)?;
    let mut page = vec![probe];
    page.extend(bind(addresses.get(1..).unwrap_or_default(), page_port).await?);
    let api = bind(addresses, api_port).await?;
    Ok(Listeners {
        page,
        api,
        page_port,
        api_port,
    })
}

/// Browsers take `localhost` for either loopback address, so both are served where both exist.
async fn addresses(host: &str) -> Result<Vec<IpAddr>, String> {
    if matches!(host, "localhost" | "127.0.0.1") {
        let mut both = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        let six = IpAddr::V6(Ipv6Addr::LOCALHOST);
        if TcpListener::bind(SocketAddr::new(six, 0)).await.is_ok() {
            both.push(six);
        }
        return Ok(both);
    }
    let found = tokio::net::lookup_host((host.trim_matches(['[', ']']), 0)).await;
    let found = found.map_err(|error| format!("host {host}: {error}"))?;
    Ok(found.map(|address| address.ip()).take(1).collect())
}

async fn bind(addresses: &[IpAddr], port: u16) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        listeners.push(TcpListener::bind(SocketAddr::new(*address, port)).await?);
    }
    Ok(listeners)
}

fn not_bound(port: u16, error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::AddrInUse {
        format!(
            "port {port} is in use; stop the program that has it, or choose another with --port"
        )
    } else {
        format!("port {port}: {error}")
    }
}

/// Serves both origins until `stop` says so, then lets open requests finish for a moment.
pub async fn serve(origins: Vec<(Vec<TcpListener>, Front)>, stop: watch::Receiver<bool>) {
    let (open, mut all_closed) = mpsc::channel::<Infallible>(1);
    for (listeners, front) in origins {
        for listener in listeners {
            tokio::spawn(accept(listener, front.clone(), stop.clone(), open.clone()));
        }
    }
    drop(open);
    let mut stop = stop;
    stopped(&mut stop).await;
    // The channel closes when the last connection has dropped its end.
    let _ = tokio::time::timeout(GRACE, all_closed.recv()).await;
}

async fn accept(
    listener: TcpListener,
    front: Front,
    stop: watch::Receiver<bool>,
    open: mpsc::Sender<Infallible>,
) {
    let mut stopping = stop.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(connection(stream, front.clone(), stop.clone(), open.clone()));
                }
                // Out of file handles, or a client that left at once: neither is worth a busy loop.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            () = stopped(&mut stopping) => return,
        }
    }
}

async fn connection(
    stream: TcpStream,
    front: Front,
    mut stop: watch::Receiver<bool>,
    _open: mpsc::Sender<Infallible>,
) {
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let wire = Wire {
        stream,
        reset: Arc::clone(&reset),
    };
    let service = service_fn(move |request| {
        let (front, reset) = (front.clone(), Arc::clone(&reset));
        async move { front.answer(request, &reset).await }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(wire), service);
    tokio::pin!(served);
    // A cut ends the connection with an error, on purpose; there is nobody to tell.
    tokio::select! {
        _ = served.as_mut() => {}
        () = stopped(&mut stop) => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it the program.
    let _ = stop.wait_for(|stopping| *stopping).await;
}

/// A TCP stream that can be told to end with a reset instead of a quiet close.
struct Wire {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        buffer: &mut ReadBuf,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        pieces: &[io::IoSlice],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

//! Sockets: ports in a row, each on several addresses, with TLS or without, served by hyper
//! directly so that a connection can be cut where a framework would insist on an answer.

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
use tokio_rustls::TlsAcceptor;

use crate::front::Front;

/// How often free ports in a row are looked for.
const ROWS_TRIED_MAX: usize = 50;
/// How long open requests may take once the server is told to stop.
const GRACE: Duration = Duration::from_secs(2);
/// How long a client may take to agree on TLS.
const GREETING: Duration = Duration::from_secs(10);

/// `N` ports in a row, each taken on all of some addresses.
pub struct Row<const N: usize> {
    first: u16,
    pub listeners: [Vec<TcpListener>; N],
}

impl<const N: usize> Row<N> {
    pub fn port(&self, index: u16) -> u16 {
        self.first.saturating_add(index)
    }
}

/// Takes `port` and the next ones; with port 0 any that are free in a row. `option` is what
/// chooses another.
///
/// # Errors
/// Names the port that is taken.
pub async fn listen<const N: usize>(
    addresses: &[IpAddr],
    port: u16,
    option: &str,
) -> Result<Row<N>, String> {
    if port != 0 {
        return row(addresses, port)
            .await
            .map_err(|(port, error)| not_bound(port, &error, option));
    }
    let mut last = String::new();
    for _ in 0..ROWS_TRIED_MAX {
        let free = free_port(addresses).await.map_err(|error| (0, error));
        let taken = match free {
            Ok(port) => row(addresses, port).await,
            Err(error) => Err(error),
        };
        match taken {
            Ok(row) => return Ok(row),
            Err((_, error)) => last = error.to_string(),
        }
    }
    Err(format!("no {N} free ports in a row: {last}"))
}

async fn free_port(addresses: &[IpAddr]) -> io::Result<u16> {
    let first = addresses.first().copied();
    let first = first.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let probe = TcpListener::bind(SocketAddr::new(first, 0)).await?;
    Ok(probe.local_addr()?.port())
}

async fn row<const N: usize>(addresses: &[IpAddr], first: u16) -> Result<Row<N>, (u16, io::Error)> {
    let mut listeners = std::array::from_fn(|_| Vec::new());
    let mut next = Some(first);
    for taken in &mut listeners {
        let port = next.ok_or((u16::MAX, io::ErrorKind::AddrNotAvailable.into()))?;
        *taken = bind(addresses, port).await.map_err(|error| (port, error))?;
        next = port.checked_add(1);
    }
    Ok(Row { first, listeners })
}

/// Browsers take `localhost` for either loopback address, so both are served where both exist.
///
/// # Errors
/// The host is unknown.
pub async fn addresses(host: &str) -> Result<Vec<IpAddr>, String> {
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

fn not_bound(port: u16, error: &io::Error, option: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} is in use; stop the program that has it, or choose another with {option}"
        ),
        io::ErrorKind::AddrNotAvailable if port == u16::MAX => {
            format!("port {port} leaves no next one; choose a lower one with {option}")
        }
        _ => format!("port {port}: {error}"),
    }
}

/// How one of the origins is spoken to: with TLS or without.
#[derive(Clone)]
pub struct Way {
    pub front: Front,
    pub tls: Option<TlsAcceptor>,
}

/// Serves all origins until `stop` says so, then lets open requests finish for a moment.
pub async fn serve(ways: Vec<(Vec<TcpListener>, Way)>, stop: watch::Receiver<bool>) {
    let (open, mut all_closed) = mpsc::channel::<Infallible>(1);
    for (listeners, way) in ways {
        for listener in listeners {
            tokio::spawn(accept(listener, way.clone(), stop.clone(), open.clone()));
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
    way: Way,
    stop: watch::Receiver<bool>,
    open: mpsc::Sender<Infallible>,
) {
    let mut stopping = stop.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(connection(stream, way.clone(), stop.clone(), open.clone()));
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
    way: Way,
    mut stop: watch::Receiver<bool>,
    _open: mpsc::Sender<Infallible>,
) {
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let wire = Wire {
        stream,
        reset: Arc::clone(&reset),
    };
    let Way { front, tls } = way;
    let Some(tls) = tls else {
        return speak(wire, front, reset, stop).await;
    };
    // Whoever does not finish the greeting, or does not trust us, is gone without a word.
    let greeted = tokio::select! {
        greeted = tokio::time::timeout(GREETING, tls.accept(wire)) => greeted,
        () = stopped(&mut stop) => return,
    };
    if let Ok(Ok(stream)) = greeted {
        speak(stream, front, reset, stop).await;
    }
}

/// HTTP over a connection that is ready for it.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    front: Front,
    reset: Arc<AtomicBool>,
    mut stop: watch::Receiver<bool>,
) {
    let service = service_fn(move |request| {
        let (front, reset) = (front.clone(), Arc::clone(&reset));
        async move { front.answer(request, &reset).await }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
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

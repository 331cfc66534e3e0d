//! A server that answers as a file of the project says, in the place of one of ZooKeeper's.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Project;

/// What stands in ZooKeeper's place. The file `answer` says what it answers: `leader EPOCH`, `idle`, or `hang` for nothing.
pub struct Server {
    /// Where it listens.
    pub port: u16,
    /// How often it was asked.
    pub asked: Arc<AtomicUsize>,
}

impl Server {
    /// Starts it, with this answer to begin with.
    pub fn start(project: &Project, state: &str) -> Self {
        project.file("answer", state);
        let (path, asked) = (project.join("answer"), Arc::new(AtomicUsize::new(0)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), asked: Arc::clone(&asked) };
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (path, asked) = (path.clone(), Arc::clone(&asked));
                std::thread::spawn(move || answer(socket, &path, &asked));
            }
        });
        server
    }
}

fn answer(mut socket: std::net::TcpStream, state: &PathBuf, asked: &AtomicUsize) -> Option<()> {
    let mut word = [0; 4];
    socket.read_exact(&mut word).ok()?;
    assert_eq!(&word, b"srvr");
    asked.fetch_add(1, Ordering::SeqCst);
    let state = std::fs::read_to_string(state).ok()?;
    let text = match state.trim().split_once(' ') {
        Some((mode, epoch)) => format!("Zookeeper version: 3.4.14-4c25d48\nZxid: 0x{epoch}00000012\nMode: {mode}\n"),
        None if state.trim() == "hang" => {
            // Until the one who asks goes away.
            return socket.read(&mut word).ok().map(|_| ());
        }
        None => "This ZooKeeper instance is not currently serving requests\n".to_owned(),
    };
    socket.write_all(text.as_bytes()).ok()
}

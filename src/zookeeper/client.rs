//! Just enough of ZooKeeper's client protocol to prove that a server lets a client in, and to make, read and remove one znode:
//! a request opens a session, asks one thing and closes the session. An answer is a stranger's: any of its lengths may lie.

/// The request that opens a session, lists `/` and closes the session. Opening a session is a write, so an answer also
/// proves that a quorum agrees.
pub fn list_root_request() -> Vec<u8> {
    request(GET_CHILDREN, |ask| {
        text(ask, "/");
        ask.push(0); // no watch
    })
}

/// The names of the root's children; none when the answer is not that of a server that let the client in.
pub fn list_root_answer(bytes: &[u8]) -> Option<Vec<String>> {
    let (error, mut reply) = reply(bytes)?;
    if error != 0 {
        return None;
    }
    let count = int(&mut reply)?;
    (0..count)
        .map(|_| {
            let length = usize::try_from(int(&mut reply)?).ok()?;
            String::from_utf8(take(&mut reply, length)?.to_vec()).ok()
        })
        .collect()
}

/// What a server says of a znode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// What is in it; nothing where the server has null.
    Found(Vec<u8>),
    /// There is no such znode.
    NoNode,
    /// The znode may not be read without a name.
    NoAuth,
    /// The server let the client in and answered with another of ZooKeeper's error codes.
    Failed(i32),
    /// The answer is not that of a server that let the client in, or it is cut short.
    None,
}

/// The request that opens a session, reads the znode at `path` and closes the session.
pub fn data_request(path: &str) -> Vec<u8> {
    request(GET_DATA, |ask| {
        text(ask, path);
        ask.push(0); // no watch
    })
}

/// The request that opens a session, makes a znode at `path` with this content, and closes the session. The znode stays when
/// the session ends, and anybody may read, change and remove it.
pub fn create_request(path: &str, content: &[u8]) -> Vec<u8> {
    request(CREATE, |ask| {
        text(ask, path);
        buffer(ask, content);
        ask.extend_from_slice(&1_i32.to_be_bytes()); // one entry of who may do what:
        ask.extend_from_slice(&31_i32.to_be_bytes()); // all
        text(ask, "world");
        text(ask, "anyone");
        ask.extend_from_slice(&0_i32.to_be_bytes()); // neither ephemeral nor numbered
    })
}

/// The request that opens a session, removes the znode at `path`, of whatever version, and closes the session.
pub fn delete_request(path: &str) -> Vec<u8> {
    request(DELETE, |ask| {
        text(ask, path);
        ask.extend_from_slice(&(-1_i32).to_be_bytes());
    })
}

/// What a server says of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// A quorum has it.
    Done,
    /// There is no such znode, or not the one above it.
    NoNode,
    /// It may not be made or removed without a name.
    NoAuth,
    /// It is there already: an earlier request may have made it, and its answer was lost.
    Exists,
    /// The server let the client in and answered with another of ZooKeeper's error codes.
    Failed(i32),
    /// The answer is not that of a server that let the client in, or it is cut short: nobody knows.
    None,
}

/// What the answer to `create_request` or `delete_request` says.
pub fn done_answer(bytes: &[u8]) -> Done {
    match reply(bytes) {
        None => Done::None,
        Some((0, _)) => Done::Done,
        Some((-101, _)) => Done::NoNode,
        Some((-102, _)) => Done::NoAuth,
        Some((-110, _)) => Done::Exists,
        Some((error, _)) => Done::Failed(error),
    }
}

/// What the answer to `data_request` says.
pub fn data_answer(bytes: &[u8]) -> Data {
    match reply(bytes) {
        None => Data::None,
        Some((0, mut reply)) => data(&mut reply).map_or(Data::None, Data::Found),
        Some((-101, _)) => Data::NoNode,
        Some((-102, _)) => Data::NoAuth,
        Some((error, _)) => Data::Failed(error),
    }
}

/// A buffer of the protocol; null, whose length is -1, is empty.
fn data(reply: &mut &[u8]) -> Option<Vec<u8>> {
    match int(reply)? {
        -1 => Some(Vec::new()),
        length => Some(take(reply, usize::try_from(length).ok()?)?.to_vec()),
    }
}

/// ZooKeeper's numbers of the operations (`ZooDefs.OpCode`, the same in every version).
const CREATE: i32 = 1;
const DELETE: i32 = 2;
const GET_DATA: i32 = 4;
const GET_CHILDREN: i32 = 8;

/// A text of the protocol.
fn text(out: &mut Vec<u8>, text: &str) {
    buffer(out, text.as_bytes());
}

/// Bytes of the protocol, their length before them.
fn buffer(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&i32::try_from(bytes.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// The bytes of three frames: a new session, one operation with what `arguments` writes, the end of the session.
fn request(operation: i32, arguments: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut connect = Vec::new();
    connect.extend_from_slice(&0_i32.to_be_bytes()); // protocol version
    connect.extend_from_slice(&0_i64.to_be_bytes()); // last zxid seen
    connect.extend_from_slice(&10_000_i32.to_be_bytes()); // session time-out, in ms
    connect.extend_from_slice(&0_i64.to_be_bytes()); // no session yet
    connect.extend_from_slice(&16_i32.to_be_bytes()); // its password, of 16 bytes
    connect.extend_from_slice(&[0; 16]);
    connect.push(0); // not read-only
    let mut ask = Vec::new();
    ask.extend_from_slice(&1_i32.to_be_bytes()); // xid
    ask.extend_from_slice(&operation.to_be_bytes());
    arguments(&mut ask);
    let mut close = Vec::new();
    close.extend_from_slice(&2_i32.to_be_bytes()); // xid
    close.extend_from_slice(&(-11_i32).to_be_bytes()); // closeSession
    let mut bytes = Vec::new();
    for frame in [connect, ask, close] {
        bytes.extend_from_slice(&i32::try_from(frame.len()).unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(&frame);
    }
    bytes
}

/// The error code and the rest of the reply to the operation; none when no session was opened.
fn reply(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let mut rest = bytes;
    let mut connected = frame(&mut rest)?;
    let _version = int(&mut connected)?;
    let timeout = int(&mut connected)?;
    if timeout <= 0 {
        return None;
    }
    let mut reply = frame(&mut rest)?;
    let xid = int(&mut reply)?;
    let _zxid = take(&mut reply, 8)?;
    let error = int(&mut reply)?;
    (xid == 1).then_some((error, reply))
}

fn frame<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(int(bytes)?).ok()?;
    take(bytes, length)
}

fn int(bytes: &mut &[u8]) -> Option<i32> {
    take(bytes, 4)?.try_into().ok().map(i32::from_be_bytes)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server says that opened a session and replies to the operation.
    fn answer(error: i32, rest: &[u8]) -> Vec<u8> {
        let mut reply = Vec::new();
        reply.extend_from_slice(&1_i32.to_be_bytes());
        reply.extend_from_slice(&0_i64.to_be_bytes());
        reply.extend_from_slice(&error.to_be_bytes());
        reply.extend_from_slice(rest);
        let mut answer = vec![0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 39, 16];
        answer.extend_from_slice(&i32::try_from(reply.len()).expect("it is short").to_be_bytes());
        answer.extend_from_slice(&reply);
        answer
    }

    fn lying(length: i32, content: &[u8]) -> Vec<u8> {
        [&length.to_be_bytes(), content].concat()
    }

    #[test]
    fn an_answer_that_is_cut_or_wrong_is_no_list_and_no_panic() {
        let list = answer(0, &[&1_i32.to_be_bytes()[..], &lying(9, b"zookeeper")].concat());
        assert_eq!(list_root_answer(&list), Some(vec!["zookeeper".to_owned()]));
        for end in 0..list.len() {
            assert_eq!(list_root_answer(&list[..end]), None);
        }
        assert_eq!(list_root_answer(&[0xff; 64]), None);
    }

    #[test]
    fn a_znode_is_read_and_an_error_is_told_by_its_kind() {
        let stat = [7; 68];
        let whole = answer(0, &[&lying(3, b"a=b")[..], &stat].concat());
        assert_eq!(data_answer(&whole), Data::Found(b"a=b".to_vec()));
        assert_eq!(data_answer(&answer(0, &[&lying(-1, b"")[..], &stat].concat())), Data::Found(Vec::new()));
        assert_eq!(data_answer(&answer(-101, b"")), Data::NoNode);
        assert_eq!(data_answer(&answer(-102, b"")), Data::NoAuth);
        assert_eq!(data_answer(&answer(-4, b"")), Data::Failed(-4));
        for end in 0..whole.len() {
            assert_eq!(data_answer(&whole[..end]), Data::None);
        }
    }

    #[test]
    fn lengths_that_lie_give_no_data_and_take_no_memory() {
        for length in [4, 69, i32::MAX, -2, i32::MIN] {
            assert_eq!(data_answer(&answer(0, &lying(length, b"a=b"))), Data::None, "{length}");
        }
        let mut long = answer(0, &lying(3, b"a=b"));
        long[12..16].copy_from_slice(&i32::MAX.to_be_bytes());
        assert_eq!(data_answer(&long), Data::None);
        let mut refused = answer(0, &lying(3, b"a=b"));
        refused[8..12].copy_from_slice(&0_i32.to_be_bytes());
        assert_eq!(data_answer(&refused), Data::None);
        assert_eq!(data_answer(b"This ZooKeeper instance is not currently serving requests\n"), Data::None);
    }

    #[test]
    fn the_request_names_the_path_it_asks_for() {
        let request = data_request("/configs/config");
        let path = b"/configs/config";
        assert_eq!(request[..4], 45_i32.to_be_bytes());
        assert_eq!(request[49..53], 28_i32.to_be_bytes());
        assert_eq!(request[57..61], GET_DATA.to_be_bytes());
        assert_eq!(request[65..65 + path.len()], path[..]);
        let mut lengths = Vec::new();
        let mut rest = &request[..];
        while let Some(frame) = frame(&mut rest) {
            lengths.push(frame.len());
        }
        assert_eq!((lengths, rest.len()), (vec![45, 28, 8], 0));
    }

    #[test]
    fn a_change_says_whether_a_quorum_has_it() {
        assert_eq!(done_answer(&answer(0, &lying(8, b"/zkmig-1"))), Done::Done);
        assert_eq!(done_answer(&answer(-101, b"")), Done::NoNode);
        assert_eq!(done_answer(&answer(-102, b"")), Done::NoAuth);
        assert_eq!(done_answer(&answer(-110, b"")), Done::Exists);
        assert_eq!(done_answer(&answer(-4, b"")), Done::Failed(-4));
        let whole = answer(0, b"");
        for end in 0..whole.len() {
            assert_eq!(done_answer(&whole[..end]), Done::None);
        }
    }

    /// The bytes that ZooKeeper's own client sends: `CreateRequest`, `DeleteRequest` in its zookeeper.jute.
    #[test]
    fn changes_are_asked_for_as_zookeepers_own_client_does() {
        let operation = |request: &[u8]| {
            let mut rest = request;
            let _connect = frame(&mut rest);
            frame(&mut rest).expect("the operation").to_vec()
        };
        let create =
            b"\0\0\0\x01\0\0\0\x01\0\0\0\x02/a\0\0\0\x01x\0\0\0\x01\0\0\0\x1f\0\0\0\x05world\0\0\0\x06anyone\0\0\0\0";
        assert_eq!(operation(&create_request("/a", b"x")), create);
        let delete = b"\0\0\0\x01\0\0\0\x02\0\0\0\x02/a\xff\xff\xff\xff";
        assert_eq!(operation(&delete_request("/a")), delete);
    }
}

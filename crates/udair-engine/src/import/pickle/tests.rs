//! Pickles of Python, of attackers, and of nobody.

use super::machine::MOST_NODES;
use super::*;

fn forbidden(bytes: &[u8]) -> String {
    match Pickle::read(bytes) {
        Err(PickleError::Forbidden(what)) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn containers_are_read() {
    // pickle.dumps({"a": [1, -2, 300], "b": (None, 70000)}, 2)
    let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffM,\x01eX\x01\x00\x00\x00bq\x03NJp\x11\x01\x00\x86q\x04u.";
    let pickle = Pickle::read(bytes).unwrap();
    let Node::Map(pairs) = pickle.root() else { panic!("{pickle:?}") };
    assert_eq!(pairs.iter().map(|&(key, _)| pickle.text(key).unwrap()).collect::<Vec<_>>(), ["a", "b"]);
    let Node::Sequence(list) = pickle.node(pairs[0].1) else { panic!("{pickle:?}") };
    let list: Vec<_> = list.iter().map(|&id| pickle.node(id).clone()).collect();
    assert_eq!(list, [1, -2, 300].map(Node::Integer));
}

#[test]
fn long_integers_keep_their_sign() {
    for (bytes, expected) in
        [(&b"\x8a\x00."[..], 0), (b"\x8a\x01\xff.", -1), (b"\x8a\x05\x00\x00\x00\x00\x01.", 1 << 32)]
    {
        assert_eq!(*Pickle::read(bytes).unwrap().root(), Node::Integer(expected));
    }
}

#[test]
fn calls_of_anything_else_are_refused_by_name() {
    assert_eq!(forbidden(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R."), "os.system");
    assert_eq!(forbidden(b"cbuiltins\neval\n."), "builtins.eval");
    assert_eq!(forbidden(b"ctorch\nload\n."), "torch.load");
    // Calling text, a number, or the result of a call.
    forbidden(b"X\x02\x00\x00\x00ls)R.");
    forbidden(b"K\x01)R.");
    forbidden(b"ccollections\nOrderedDict\n)R)R.");
    // Protocols 4 and 5 name classes from the stack; INST and OBJ call classes; EXT finds them.
    for operation in [0x93_u8, b'i', b'o', 0x82, b'P'] {
        forbidden(&[b'N', b'N', operation, b'.']);
    }
    assert_eq!(forbidden(b"\x80\x04."), "pickle protocol 4");
}

#[test]
fn nonsense_is_an_error() {
    let cases: [&[u8]; 14] = [
        b"",
        b".",
        b"0.",
        b"t.",
        b"(1.",
        b"\x87.",
        b"h\x07.",
        b"X\xff\xff\xff\xff.",
        b"q\x00.",
        b"K\x01K\x02a.",
        b"K\x01K\x02K\x03s.",
        b"ctorch._utils\n_rebuild_tensor_v2\n)R.",
        b"NQ.",
        b"(0(1t.",
    ];
    for bytes in cases {
        assert!(Pickle::read(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn depth_cycles_and_huge_memos_do_no_harm() {
    let deep = [vec![b')'], vec![0x85; 500_000], vec![b'.']].concat();
    Pickle::read(&deep).unwrap();
    // A list that holds itself.
    Pickle::read(b"]q\x00h\x00a.").unwrap();
    Pickle::read(b"Nr\xff\xff\xff\xff.").unwrap();
    let endless = [vec![b'N'; MOST_NODES + 1], vec![b'.']].concat();
    assert_eq!(Pickle::read(&endless).unwrap_err(), PickleError::Damaged("the pickle makes too many values"));
}

;; Passes the plain events of a chat stream: `data: {…}` and a blank line, with LF for line ends, in which nothing stands
;; that a meter reads. What they hold is not checked; it goes on as it came.
;;
;; `skim` stops at the first event that it cannot pass, and at the first that is not whole. It passes none that is read by
;; a look at each (`stream-events.ts`, and `glance` in `injected-usage.ts`), but not all that those would pass.
;;
;; Memory: at 0 where the events end that were passed, at 4 where what stays of them ends; from 1024 on the chunk, and a CR
;; behind it, which no plain event may hold, so that nothing below looks for the end; from 133120 on what stays.
(module
  (memory (export "memory") 5)

  ;; Index of the first quote or backslash from $at on; $end where there is none before it.
  (func $quote (param $at i32) (param $end i32) (result i32)
    (local $block v128) (local $mask i32)
    (loop $blocks
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (local.get $end))))
      (local.set $block (v128.load align=1 (local.get $at)))
      (local.set $mask
        (i8x16.bitmask
          (v128.or
            (i8x16.eq (local.get $block) (v128.const i64x2 0x2222222222222222 0x2222222222222222))
            (i8x16.eq (local.get $block) (v128.const i64x2 0x5c5c5c5c5c5c5c5c 0x5c5c5c5c5c5c5c5c)))))
      (if (local.get $mask)
        (then (return (i32.add (local.get $at) (i32.ctz (local.get $mask))))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br $blocks))
    (unreachable))

  ;; Whether an object ends at $end with what stands from $at on: with its brace, or with one member `,"key":"value"` before
  ;; it. Neither key nor value have a quote or an escape in them. The key is not the usage's: `skim` would have stopped.
  (func $isEnd (param $at i32) (param $end i32) (result i32)
    (local $quote i32)
    (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x7d))
      (then (return (i32.eq (i32.add (local.get $at) (i32.const 1)) (local.get $end)))))
    ;; ,"
    (if (i32.ne (i32.load16_u (local.get $at)) (i32.const 0x222c)) (then (return (i32.const 0))))
    (local.set $at (i32.add (local.get $at) (i32.const 2)))
    (local.set $quote (call $quote (local.get $at) (local.get $end)))
    ;; ":"
    (if (i32.ne (i32.and (i32.load (local.get $quote)) (i32.const 0xffffff)) (i32.const 0x223a22))
      (then (return (i32.const 0))))
    (local.set $quote (call $quote (i32.add (local.get $quote) (i32.const 3)) (local.get $end)))
    ;; "}
    (i32.and
      (i32.eq (i32.load16_u (local.get $quote)) (i32.const 0x7d22))
      (i32.eq (i32.add (local.get $quote) (i32.const 2)) (local.get $end))))

  ;; What begins with the quote at $at, of what was taken for a name in question: 0 if it matters to nobody, 1 if it may
  ;; matter, 2 if it is the usage and null.
  (func $meaning (param $at i32) (result i32)
    (local $name i32)
    (local.set $name (i32.load offset=1 (local.get $at)))
    ;; name
    (if (i32.eq (local.get $name) (i32.const 0x656d616e))
      (then (return (i32.ne (i32.load16_u offset=6 (local.get $at)) (i32.const 0x6e3a)))))
    ;; usage"
    (if (i32.and
          (i32.eq (local.get $name) (i32.const 0x67617375))
          (i32.eq (i32.load16_u offset=5 (local.get $at)) (i32.const 0x2265)))
      (then
        (return (select (i32.const 2) (i32.const 1) (i32.eq (i32.load16_u offset=7 (local.get $at)) (i32.const 0x6e3a))))))
    ;; error"
    (i32.and
      (i32.and
        (i32.eq (local.get $name) (i32.const 0x6f727265))
        (i32.eq (i32.load16_u offset=5 (local.get $at)) (i32.const 0x2272)))
      (i32.ne (i32.load16_u offset=7 (local.get $at)) (i32.const 0x6e3a))))

  ;; Passes events from $at on, and gives how many. With $cuts each must end with the usage, which is null, perhaps with one
  ;; more member behind it, and what stays of it has it no more.
  (func (export "skim") (param $at i32) (param $cuts i32) (result i32)
    (local $events i32)
    (local $block v128) (local $second v128) (local $mask i32) (local $near i32) (local $byte i32) (local $start i32)
    ;; Where a byte goes, less where it stands.
    (local $shift i32)
    ;; After the last usage of this event that is null; 0 where none was seen.
    (local $cut i32)
    (local.set $shift (i32.const 132096))
    (loop $event
      ;; data: {
      (if (i64.ne
            (i64.and (i64.load align=1 (local.get $at)) (i64.const 0xffffffffffffff))
            (i64.const 0x7b203a61746164))
        (then (return (local.get $events))))
      (local.set $start (local.get $at))
      (local.set $cut (i32.const 0))
      (block $ended
        (loop $blocks
          (local.set $block (v128.load align=1 (local.get $at)))
          (if (local.get $cuts)
            (then (v128.store align=1 (i32.add (local.get $at) (local.get $shift)) (local.get $block))))
          (local.set $second (v128.load offset=1 align=1 (local.get $at)))
          ;; A quote that `u` or `e` and five places later a quote follow, or `n` and four places later a quote; LF; CR.
          (local.set $block
            (v128.or
              (v128.and
                (i8x16.eq (local.get $block) (v128.const i64x2 0x2222222222222222 0x2222222222222222))
                (v128.or
                  (v128.and
                    (v128.or
                      (i8x16.eq (local.get $second) (v128.const i64x2 0x7575757575757575 0x7575757575757575))
                      (i8x16.eq (local.get $second) (v128.const i64x2 0x6565656565656565 0x6565656565656565)))
                    (i8x16.eq
                      (v128.load offset=6 align=1 (local.get $at))
                      (v128.const i64x2 0x2222222222222222 0x2222222222222222)))
                  (v128.and
                    (i8x16.eq (local.get $second) (v128.const i64x2 0x6e6e6e6e6e6e6e6e 0x6e6e6e6e6e6e6e6e))
                    (i8x16.eq
                      (v128.load offset=5 align=1 (local.get $at))
                      (v128.const i64x2 0x2222222222222222 0x2222222222222222)))))
              (v128.or
                (i8x16.eq (local.get $block) (v128.const i64x2 0x0a0a0a0a0a0a0a0a 0x0a0a0a0a0a0a0a0a))
                (i8x16.eq (local.get $block) (v128.const i64x2 0x0d0d0d0d0d0d0d0d 0x0d0d0d0d0d0d0d0d)))))
          (if (v128.any_true (local.get $block))
            (then
              (local.set $mask (i8x16.bitmask (local.get $block)))
              (loop $found
                (local.set $near (i32.add (local.get $at) (i32.ctz (local.get $mask))))
                (local.set $byte (i32.load8_u (local.get $near)))
                (br_if $ended (i32.eq (local.get $byte) (i32.const 0x0a)))
                (if (i32.eq (local.get $byte) (i32.const 0x0d)) (then (return (local.get $events))))
                (local.set $byte (call $meaning (local.get $near)))
                (if (i32.eq (local.get $byte) (i32.const 1)) (then (return (local.get $events))))
                (if (i32.and (i32.eq (local.get $byte) (i32.const 2)) (local.get $cuts))
                  (then
                    ;; Its comma before it, and all of its null.
                    (if (i32.or
                          (i32.ne (i32.load8_u (i32.sub (local.get $near) (i32.const 1))) (i32.const 0x2c))
                          (i32.ne (i32.load offset=8 align=1 (local.get $near)) (i32.const 0x6c6c756e)))
                      (then (return (local.get $events))))
                    (local.set $cut (i32.add (local.get $near) (i32.const 12)))))
                (local.set $mask (i32.and (local.get $mask) (i32.sub (local.get $mask) (i32.const 1))))
                (br_if $found (local.get $mask)))))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $blocks)))
      ;; Another LF behind that at $near. Longer events are read by members.
      (if (i32.or
            (i32.ne (i32.load8_u offset=1 (local.get $near)) (i32.const 0x0a))
            (i32.gt_u (i32.sub (local.get $near) (local.get $start)) (i32.const 65542)))
        (then (return (local.get $events))))
      (if (local.get $cuts)
        (then
          (if (i32.eqz (local.get $cut)) (then (return (local.get $events))))
          (if (i32.eqz (call $isEnd (local.get $cut) (local.get $near))) (then (return (local.get $events))))
          (local.set $shift (i32.sub (local.get $shift) (i32.const 13)))
          (local.set $at (local.get $cut))
          (loop $rest
            (v128.store align=1 (i32.add (local.get $at) (local.get $shift)) (v128.load align=1 (local.get $at)))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (br_if $rest (i32.lt_u (local.get $at) (i32.add (local.get $near) (i32.const 2)))))))
      (local.set $at (i32.add (local.get $near) (i32.const 2)))
      (local.set $events (i32.add (local.get $events) (i32.const 1)))
      (i32.store (i32.const 0) (local.get $at))
      (i32.store (i32.const 4) (i32.add (local.get $at) (local.get $shift)))
      (br $event))
    (unreachable)))

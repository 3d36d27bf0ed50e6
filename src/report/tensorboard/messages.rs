//! The messages of an event file: the fields of TensorFlow's `event.proto` and `summary.proto` that
//! we write. Source: <https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto>.

/// One record. Of the last three fields exactly one is there.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    /// The epoch, counted from 1.
    #[prost(int64, tag = "2")]
    pub step: i64,
    /// In the first record of a file.
    #[prost(string, optional, tag = "3")]
    pub file_version: Option<String>,
    /// Values of a step.
    #[prost(message, optional, tag = "5")]
    pub summary: Option<Summary>,
    /// That a process began to write.
    #[prost(message, optional, tag = "7")]
    pub session_log: Option<SessionLog>,
}

/// Values of a step.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Summary {
    /// The values.
    #[prost(message, repeated, tag = "1")]
    pub value: Vec<Value>,
}

/// A value. Of the last two fields exactly one is there.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Value {
    /// What it is of.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// A number.
    #[prost(float, optional, tag = "2")]
    pub simple_value: Option<f32>,
    /// A picture.
    #[prost(message, optional, tag = "4")]
    pub image: Option<Image>,
}

/// A picture.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Image {
    /// Pixels from top to bottom.
    #[prost(int32, tag = "1")]
    pub height: i32,
    /// Pixels from left to right.
    #[prost(int32, tag = "2")]
    pub width: i32,
    /// Number of channels.
    #[prost(int32, tag = "3")]
    pub colorspace: i32,
    /// The PNG.
    #[prost(bytes = "vec", tag = "4")]
    pub encoded_image_string: Vec<u8>,
}

/// That a process began to write: readers forget what they read of its step and later ones.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SessionLog {
    /// Which it is.
    #[prost(enumeration = "SessionStatus", tag = "1")]
    pub status: i32,
}

/// What a [`SessionLog`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum SessionStatus {
    /// Nothing.
    Unspecified = 0,
    /// That a process began to write.
    Start = 1,
}
